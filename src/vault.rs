//! What is written through here can be sealed: one type for every column that holds what a customer said.
//!
//! Today a sealed value is its plain bytes behind a version byte. Encryption adds a second version and
//! changes nothing else, because each value is bound to its place (row and column) from the start.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The version byte of a value that is not encrypted.
const PLAIN: u8 = 0;

/// The row and column that a value is written to. An encrypted value opens only in its own place, so a row's
/// id is made before the row is written.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// `table.column`.
    pub column: &'static str,
    /// The row's id.
    pub row: &'a str,
}

/// Bytes as they are stored in a column whose name ends in `_sealed`.
#[derive(Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct Sealed(Vec<u8>);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Sealed({} bytes)", self.0.len())
    }
}

/// A stored value that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the stored value in {column} of row {row} cannot be opened: {why}")]
pub struct VaultError {
    column: &'static str,
    row: String,
    why: String,
}

/// Seals values before they are stored and opens them afterwards.
#[derive(Clone, Debug, Default)]
pub struct Vault {}

impl Vault {
    /// Seals `value` for `place`.
    ///
    /// # Errors
    /// When `value` has no JSON form (a map whose keys are not text).
    pub fn seal<T: Serialize + ?Sized>(&self, place: Place<'_>, value: &T) -> Result<Sealed, VaultError> {
        let mut bytes = vec![PLAIN];
        serde_json::to_writer(&mut bytes, value).map_err(|error| place.refused(error.to_string()))?;
        Ok(Sealed(bytes))
    }

    /// Opens what [`Vault::seal`] sealed for the same `place`.
    ///
    /// # Errors
    /// When the value was sealed in a way that this program does not know, or is not what `T` expects.
    pub fn open<T: DeserializeOwned>(&self, place: Place<'_>, sealed: &Sealed) -> Result<T, VaultError> {
        match sealed.0.split_first() {
            Some((&PLAIN, bytes)) => serde_json::from_slice(bytes).map_err(|error| place.refused(error.to_string())),
            Some((version, _)) => Err(place.refused(format!("it was sealed in version {version}"))),
            None => Err(place.refused("it is empty".into())),
        }
    }
}

impl Place<'_> {
    fn refused(&self, why: String) -> VaultError {
        VaultError { column: self.column, row: self.row.to_owned(), why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'static> = Place { column: "messages.text_sealed", row: "r1" };

    #[test]
    fn what_was_sealed_opens_again() {
        let vault = Vault::default();
        let sealed = vault.seal(PLACE, "Grüße").unwrap();
        assert_eq!(vault.open::<String>(PLACE, &sealed).unwrap(), "Grüße");
    }

    #[test]
    fn debug_output_shows_no_text() {
        let sealed = Vault::default().seal(PLACE, "my card is 4111").unwrap();
        assert_eq!(format!("{sealed:?}"), "Sealed(18 bytes)");
    }

    #[test]
    fn an_unknown_version_is_an_error_that_names_the_place() {
        let error = Vault::default().open::<String>(PLACE, &Sealed(vec![9, 1])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the stored value in messages.text_sealed of row r1 cannot be opened: it was sealed in version 9"
        );
    }
}
