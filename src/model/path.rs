//! The names of a model's tensors.

use super::buffer::BUFFER;

/// Where a visitor of a module is, as the name of the tensor there:
/// `encoder.layer1.0.conv1.weight`.
///
/// Feed it the `enter_module` and `exit_module` calls of burn's visitors and mappers. The variant
/// names of enums, such as the choice of architecture, are not part of a tensor's name.
#[derive(Debug, Default)]
pub struct Path {
    parts: Vec<String>,
    in_buffer: bool,
}

impl Path {
    /// A path that starts below `prefix`, as in `encoder`.
    pub fn below(prefix: &str) -> Self {
        Self { parts: vec![prefix.to_owned()], in_buffer: false }
    }

    /// Goes down to the part called `name`.
    pub fn enter(&mut self, name: &str, container: &str) {
        if container == BUFFER {
            self.in_buffer = true;
        } else if !is_enum(container) {
            self.parts.push(name.to_owned());
        }
    }

    /// Goes back up.
    pub fn exit(&mut self, container: &str) {
        if container == BUFFER {
            self.in_buffer = false;
        } else if !is_enum(container) {
            self.parts.pop();
        }
    }

    /// The name of the tensor here.
    pub fn name(&self) -> String {
        self.parts.join(".")
    }

    /// Whether the tensor here is a buffer rather than a parameter.
    pub fn is_buffer(&self) -> bool {
        self.in_buffer
    }
}

fn is_enum(container: &str) -> bool {
    container.starts_with("Enum:")
}
