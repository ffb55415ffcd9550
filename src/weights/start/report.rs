//! What of a file goes into a model.

use std::{
    collections::{HashMap, HashSet},
    fmt::{Display, Formatter},
};

use serde::{Deserialize, Serialize};

use super::{
    Loading,
    names::{is_classifier, is_count, is_in_encoder, is_in_head, nearest, renaming},
};
use crate::{
    error::{Error, Result},
    weights::{FileTensor, Layout, WeightFile, fault::shown},
};

/// Unexpected names for which the nearest missing one is looked up.
const MAX_COMPARED: usize = 100;

/// Faults of one kind that a message shows.
const SHOWN: usize = 5;

/// How the tensors of a file and of a model fit together, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadReport {
    /// Tensors of the model that the file holds.
    pub used: Vec<Used>,
    /// Tensors of the model that the file lacks.
    pub missing: Vec<String>,
    /// Counts (`num_batches_tracked`) that the file lacks: files of PyTorch before 0.4.1 have none.
    /// They start at 0, and nothing reads them.
    pub missing_counts: Vec<String>,
    /// Tensors of the file that the model lacks.
    pub unexpected: Vec<Unexpected>,
    /// Tensors of both, of different shapes.
    pub mismatched: Vec<Mismatch>,
    /// What was taken off or put before names, and what numbers were converted.
    pub notes: Vec<String>,
}

/// A tensor that the file and the model have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// Name in the model.
    pub name: String,
    /// Name in the file.
    pub from: String,
}

/// A tensor that the model lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unexpected {
    /// Name in the file, or what became of it.
    pub name: String,
    /// Whether it belongs to the classifier of a classification network, of which only the encoder
    /// can be used.
    pub is_classifier: bool,
    /// The missing tensor with the most similar name.
    pub nearest: Option<String>,
}

/// A tensor of two shapes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatch {
    /// Name in the model.
    pub name: String,
    /// Shape in the file.
    pub found: Vec<usize>,
    /// Shape in the model.
    pub wanted: Vec<usize>,
    /// What the difference means.
    pub meaning: Option<String>,
}

impl LoadReport {
    /// How the tensors of `file` fit into a model with those `wanted`.
    ///
    /// The names of a classification network of torchvision or timm, such as `conv1.weight`, are those
    /// of an encoder: they get its prefix, `encoder.` or, for encoders made of timm's,
    /// `encoder.model.`, and become those of the encoder where it is called otherwise.
    pub fn new(file: &WeightFile, wanted: &[Layout]) -> Self {
        let names: Vec<&str> = file.tensors().iter().map(|it| it.name.as_str()).collect();
        let renaming = renaming(&names, wanted);
        let mut report = Self { notes: file.notes().to_vec(), ..Self::default() };
        if let Some(renaming) = renaming {
            report.notes.push(format!("{renaming}: it is an encoder alone"));
        }
        let full = |name: &str| renaming.map_or_else(|| name.to_owned(), |it| it.renamed(name));
        let found: HashMap<String, &FileTensor> =
            file.tensors().iter().map(|it| (full(&it.name), it)).collect();
        for layout in wanted {
            report.note(layout, found.get(&layout.name).copied(), wanted);
        }
        let known: HashSet<&str> = wanted.iter().map(|it| it.name.as_str()).collect();
        for tensor in file.tensors() {
            let name = full(&tensor.name);
            // Two names can become one.
            let is_found = std::ptr::eq(found[&name], tensor);
            if !known.contains(name.as_str()) || !is_found {
                let is_classifier = renaming.is_some() && is_classifier(&tensor.name);
                report.unexpected.push(Unexpected { name, is_classifier, nearest: None });
            }
        }
        let unexplained = report.unexpected.iter_mut().filter(|it| !it.is_classifier);
        for unexpected in unexplained.take(MAX_COMPARED) {
            // What an encoder has too many is none of the decoder's.
            let fits = |it: &&String| is_in_encoder(it) || !is_in_encoder(&unexpected.name);
            let missing = report.missing.iter().filter(fits);
            unexpected.nearest = nearest(&unexpected.name, missing).cloned();
        }
        report.notes.extend(file.conversions());
        report
    }

    /// Notes what became of one tensor of the model.
    fn note(&mut self, layout: &Layout, found: Option<&FileTensor>, wanted: &[Layout]) {
        let name = layout.name.clone();
        match found {
            None if is_count(&name) => self.missing_counts.push(name),
            None => self.missing.push(name),
            Some(tensor) if is_same_shape(&tensor.shape, layout) => {
                self.used.push(Used { name, from: tensor.name.clone() });
            }
            Some(tensor) => self.mismatched.push(Mismatch {
                meaning: meaning(layout, &tensor.shape, wanted),
                name,
                found: tensor.shape.clone(),
                wanted: layout.shape.clone(),
            }),
        }
    }

    /// Checks that the file holds what `loading` asks for; `what` names it, as in `weights of a.pth`.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] that lists what is missing, unexpected, or of another shape.
    pub fn check(&self, loading: Loading, what: &str) -> Result<()> {
        let concerns = |name: &str| match loading {
            Loading::Strict | Loading::Partial => true,
            Loading::Encoder => is_in_encoder(name),
        };
        let is_fault = |it: &&Mismatch| loading != Loading::Partial || !is_in_head(&it.name);
        let mismatched = self.mismatched.iter().filter(|it| concerns(&it.name)).filter(is_fault);
        let mut faults = vec![shorten(mismatched, "are of another shape")];
        if loading != Loading::Partial {
            let is_fault = |it: &&Unexpected| loading == Loading::Strict || !it.is_classifier;
            let unexpected = self.unexpected.iter().filter(|it| concerns(&it.name));
            let mut unexpected: Vec<&Unexpected> = unexpected.filter(is_fault).collect();
            // Those that are known elsewhere come first, so that none of them is cut off.
            unexpected.sort_by_key(|it| it.nearest.is_none());
            let missing = self.missing.iter().filter(|it| concerns(it));
            let missing = missing.filter(|it| {
                let is_it = |near: &&Unexpected| near.nearest.as_ref() == Some(it);
                !unexpected.iter().any(is_it)
            });
            let missing = missing.map(|it| Missing { name: it, unexpected: &unexpected });
            faults.push(shorten(unexpected.iter(), "are unexpected"));
            faults.push(shorten(missing, "are missing"));
        }
        let n_used = self.used.iter().filter(|it| concerns(&it.name)).count();
        if n_used == 0 {
            faults.insert(0, Some("not a single tensor of this model".to_owned()));
        }
        let faults: Vec<String> = faults.into_iter().flatten().collect();
        if faults.is_empty() {
            return Ok(());
        }
        let wanted = match loading {
            Loading::Strict if self.is_whole_encoder() => {
                "the tensors of this model; the file fits its encoder: `loading = \"encoder\"`"
            }
            Loading::Strict => "the tensors of this model",
            Loading::Encoder => "the tensors of this model's encoder",
            Loading::Partial => "tensors of this model",
        };
        Err(Error::data(what, faults.join("; "), wanted))
    }

    fn is_whole_encoder(&self) -> bool {
        self.check(Loading::Encoder, "").is_ok()
    }

    /// The tensors that `loading` takes out of the file, of those that [`check`](Self::check) accepts.
    pub fn taken(&self, loading: Loading) -> impl Iterator<Item = &Used> {
        self.used.iter().filter(move |it| match loading {
            Loading::Strict | Loading::Partial => true,
            Loading::Encoder => is_in_encoder(&it.name),
        })
    }
}

impl LoadReport {
    /// Tensors of a model with those `wanted` that start afresh, counts included.
    pub fn fresh(&self, loading: Loading, wanted: &[Layout]) -> Vec<String> {
        let taken: HashSet<&str> = self.taken(loading).map(|it| it.name.as_str()).collect();
        let names = wanted.iter().map(|it| &it.name);
        names.filter(|it| !taken.contains(it.as_str())).cloned().collect()
    }

    /// Tensors of `file`, by the names there, that are not used.
    pub fn unused(&self, loading: Loading, file: &WeightFile) -> Vec<String> {
        let taken: HashSet<&str> = self.taken(loading).map(|it| it.from.as_str()).collect();
        let names = file.tensors().iter().map(|it| &it.name);
        names.filter(|it| !taken.contains(it.as_str())).cloned().collect()
    }
}

/// The first faults of a kind, and how many more there are; `None` without any.
fn shorten<T: Display>(faults: impl Iterator<Item = T>, kind: &str) -> Option<String> {
    let mut faults = faults.fuse();
    let mut texts: Vec<String> = faults.by_ref().take(SHOWN).map(|it| it.to_string()).collect();
    match faults.count() {
        0 => {}
        more => texts.push(format!("and {more} more {kind}")),
    }
    (!texts.is_empty()).then(|| texts.join("; "))
}

/// A tensor that the file lacks, beside those that it should not have.
struct Missing<'a> {
    name: &'a str,
    unexpected: &'a [&'a Unexpected],
}

impl Display for Missing<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { name, unexpected } = self;
        write!(f, "{name} is missing")?;
        match nearest(name, unexpected.iter().take(MAX_COMPARED).map(|it| &it.name)) {
            Some(nearest) => write!(f, " (the nearest unexpected name is {})", shown(nearest)),
            None => Ok(()),
        }
    }
}

/// Whether a tensor of a file has the shape of the model's. The factors of a ConvNeXt's block have two
/// axes of 1 behind the channels in torchvision.
fn is_same_shape(found: &[usize], Layout { name, shape, .. }: &Layout) -> bool {
    found == shape || (name.ends_with(".gamma") && found == [&shape[..], &[1, 1]].concat())
}

/// What another shape means where it is known.
fn meaning(layout: &Layout, found: &[usize], wanted: &[Layout]) -> Option<String> {
    let Layout { name, shape, .. } = layout;
    if is_in_head(name)
        && !found.is_empty()
        && found.len() == shape.len()
        && found[1..] == shape[1..]
    {
        return Some(format!("made for {} classes, this model has {}", found[0], shape[0]));
    }
    let first = wanted.iter().find(|it| it.shape.len() == 4)?;
    let ([output, n_found, rows, cols], [_, n_bands, _, _]) = (found, &shape[..]) else {
        return None;
    };
    let is_same = [output, rows, cols] == [&shape[0], &shape[2], &shape[3]];
    (first.name == *name && is_same).then(|| {
        format!("made for {n_found} bands, this model has {n_bands}; weights are not adapted to other bands")
    })
}

impl Display for Mismatch {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { name, found, wanted, meaning } = self;
        write!(f, "{name} is {found:?}, wanted {wanted:?}")?;
        meaning.as_ref().map_or(Ok(()), |it| write!(f, " ({it})"))
    }
}

impl Display for Unexpected {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is unexpected", shown(&self.name))?;
        match &self.nearest {
            _ if self.is_classifier => write!(f, " (the classifier)"),
            Some(nearest) => write!(f, " (the nearest missing name is {nearest})"),
            None => Ok(()),
        }
    }
}
