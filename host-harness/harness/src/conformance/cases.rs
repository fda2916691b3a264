//! The cases of a component, and those of an operator's folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use host_model::case_section::{CaseSectionError, CaseTexts, MAX_CASES, unpack};

use super::case::{Case, CaseError, MAX_CASE_BYTES};

/// The file of a case, in the folder with the case's name.
const FILE: &str = "case.toml";

/// Cases, sorted by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cases(Vec<Case>);

/// Why cases cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CasesError {
    /// The section of a component cannot be used.
    #[error(transparent)]
    Section(#[from] CaseSectionError),
    /// Cases have problems.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Cases(Vec<CaseError>),
    /// A folder cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The folder or file.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// A folder contains no cases.
    #[error("{} contains no cases: expected a folder for each, with a file {FILE}", .0.display())]
    NoCases(PathBuf),
    /// There are too many folders.
    #[error("{} has more than {MAX_CASES} cases", .0.display())]
    TooMany(PathBuf),
    /// The file of a case is too large.
    #[error("{} has {found} bytes; at most {MAX_CASE_BYTES} are allowed", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        found: u64,
    },
}

impl Cases {
    /// Reads the cases that `component` ships; none if it has no section for them.
    pub fn of_component(component: &[u8]) -> Result<Self, CasesError> {
        Self::read(&unpack(component)?.unwrap_or_default())
    }

    /// Reads the cases in a folder, each in a folder of its name.
    pub fn of_folder(folder: &Path) -> Result<Self, CasesError> {
        Self::read(&texts_of_folder(folder)?)
    }

    /// Reads these texts. Returns the problems of all of them.
    pub fn read(texts: &CaseTexts) -> Result<Self, CasesError> {
        let mut cases = Vec::new();
        let mut wrong = Vec::new();
        for (name, text) in texts {
            match Case::read(name, text) {
                Ok(case) => cases.push(case),
                Err(error) => wrong.push(error),
            }
        }
        if wrong.is_empty() { Ok(Self(cases)) } else { Err(CasesError::Cases(wrong)) }
    }

    /// Returns the cases, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Case> {
        self.0.iter()
    }
}

/// Reads the texts of the cases in a folder, without checking them.
pub fn texts_of_folder(folder: &Path) -> Result<CaseTexts, CasesError> {
    let unreadable = |path: &Path, cause| CasesError::Unreadable { path: path.to_owned(), cause };
    let mut texts = CaseTexts::new();
    for entry in fs::read_dir(folder).map_err(|cause| unreadable(folder, cause))? {
        let entry = entry.map_err(|cause| unreadable(folder, cause))?;
        let file = entry.path().join(FILE);
        let found = match fs::metadata(&file) {
            Ok(metadata) => metadata.len(),
            // Beside cases, a folder may have a file that explains them.
            Err(_) if !entry.path().is_dir() => continue,
            Err(cause) => return Err(unreadable(&file, cause)),
        };
        if found > MAX_CASE_BYTES as u64 {
            return Err(CasesError::TooLarge { path: file, found });
        }
        if texts.len() == MAX_CASES {
            return Err(CasesError::TooMany(folder.to_owned()));
        }
        let text = fs::read_to_string(&file).map_err(|cause| unreadable(&file, cause))?;
        texts.insert(entry.file_name().to_string_lossy().into_owned(), text);
    }
    if texts.is_empty() { Err(CasesError::NoCases(folder.to_owned())) } else { Ok(texts) }
}
