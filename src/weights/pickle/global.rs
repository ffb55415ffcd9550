//! The names that a pickle may use.

use crate::weights::{Dtype, fault::Fault, fault::shown};

/// A name with a meaning; none of them is ever called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::weights) enum Global {
    /// `collections.OrderedDict`
    OrderedDict,
    /// `torch._utils._rebuild_tensor` and `_rebuild_tensor_v2`
    RebuildTensor,
    /// `torch._utils._rebuild_parameter`
    RebuildParameter,
    /// `torch.FloatStorage` and its like
    Storage(Dtype),
    /// `torch.Size`
    Size,
    /// `torch.device`
    Device,
    /// `torch.float32` and its like, as a setting that somebody saved
    NumberType,
}

/// What is said of those that are refused.
const HINT: &str = "nothing that a file names is ever executed, and only state dictionaries are \
                    read; in Python, save `model.state_dict()` alone";

impl Global {
    /// The meaning of `name` in `module`.
    pub fn find(module: &str, name: &str) -> Result<Self, Fault> {
        let known = match (module, name) {
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Some(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Some(Self::RebuildParameter),
            ("torch", "Size") => Some(Self::Size),
            ("torch", "device") => Some(Self::Device),
            (
                "torch",
                "float64" | "float32" | "float16" | "bfloat16" | "int64" | "int32" | "int16"
                | "int8" | "uint8" | "bool",
            ) => Some(Self::NumberType),
            ("torch" | "torch.storage", name) => Dtype::of_storage(name).map(Self::Storage),
            _ => None,
        };
        known.ok_or_else(|| Fault::Unsupported {
            feature: format!("the name `{}.{}` in its pickle", shown(module), shown(name)),
            hint: HINT,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_state_dictionaries_are_known_and_no_others() {
        let storage = Global::find("torch", "HalfStorage");
        assert_eq!(storage, Ok(Global::Storage(Dtype::F16)));
        for (module, name) in [
            ("os", "system"),
            ("posix", "system"),
            ("builtins", "eval"),
            ("torch", "load"),
            ("torch", "ComplexFloatStorage"),
            ("torch._utils", "_rebuild_sparse_tensor"),
            ("collections", "OrderedDict.fromkeys"),
        ] {
            let Err(Fault::Unsupported { feature, .. }) = Global::find(module, name) else {
                panic!("{module}.{name} is known");
            };
            assert!(feature.contains(&format!("`{module}.{name}`")), "{feature}");
        }
    }
}
