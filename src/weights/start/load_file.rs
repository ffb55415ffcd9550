//! Puts the tensors of a file into a model.

use std::collections::HashMap;

use burn::module::Module;

use super::{LoadReport, Loading};
use crate::{
    error::{Error, Result},
    weights::{FileTensor, Values, WeightFile, fault::shown, layouts, load, state_dict},
};

/// `model` with the weights of `file`, and what was done. What the file lacks stays as it is.
///
/// # Errors
///
/// [`Error::Data`] that lists what is missing, unexpected or of another shape, as far as `loading`
/// does not allow it; or that names a tensor whose numbers cannot be those of the model.
pub fn load_file<M: Module>(
    model: M,
    file: &WeightFile,
    loading: Loading,
) -> Result<(M, LoadReport)> {
    let report = LoadReport::new(file, &layouts(&model));
    let what = format!("weights of {}", file.path().display());
    report.check(loading, &what)?;
    let tensors: HashMap<&str, &FileTensor> =
        file.tensors().iter().map(|it| (it.name.as_str(), it)).collect();
    let taken: HashMap<&str, &str> =
        report.taken(loading).map(|it| (it.name.as_str(), it.from.as_str())).collect();
    let mut state = state_dict(&model);
    for entry in &mut state.entries {
        let Some(&from) = taken.get(entry.name.as_str()) else { continue };
        let found = file.values(tensors[from])?;
        entry.values = as_kind(found, &entry.values).ok_or_else(|| {
            let what = format!("tensor {} of {}", shown(from), file.path().display());
            let wanted = format!("{} without loss", entry.values.kind());
            Error::data(what, tensors[from].dtype.name(), wanted)
        })?;
    }
    Ok((load(model, &state, &what)?, report))
}

/// The numbers of `found` as the type of `wanted`, if they are the same there.
fn as_kind(found: Values, wanted: &Values) -> Option<Values> {
    match (found, wanted) {
        (found @ Values::F32(_), Values::F32(_)) | (found @ Values::I64(_), Values::I64(_)) => {
            Some(found)
        }
        (Values::I64(found), Values::F32(_)) => {
            const EXACT: u64 = 1 << 24; // All whole numbers up to here have an F32.
            let real = |it: i64| (it.unsigned_abs() <= EXACT).then_some(it as f32);
            Some(Values::F32(found.into_iter().map(real).collect::<Option<_>>()?))
        }
        (Values::F32(found), Values::I64(_)) => {
            let whole = |it: f32| Some(it as i64).filter(|whole| *whole as f32 == it);
            Some(Values::I64(found.into_iter().map(whole).collect::<Option<_>>()?))
        }
    }
}
