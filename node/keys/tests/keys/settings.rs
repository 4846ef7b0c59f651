//! The `[keys]` section: what it opens, and what it refuses by name.

use chukei_keys::{KeySettings, KeySettingsError, ProviderError};

use crate::stage::{Stage, owner};

fn settings(text: &str) -> Result<KeySettings, toml::de::Error> {
    toml::from_str(text)
}

#[test]
fn the_provider_named_is_opened_where_it_is_named() {
    let stage = Stage::new();
    let text = |kind: &str| format!("provider = \"{kind}\"\nroots = \"roots\"\nepochs = \"epochs\"\n");
    let file = settings(&text("file")).unwrap();
    assert_eq!(file.epochs_kept, 7);
    let provider = file.open(stage.dir.path()).unwrap();
    assert_eq!(provider.roots(&owner()).unwrap(), [1]);
    provider.make_root(&owner(), 2).unwrap();
    let mounted = settings(&text("mounted")).unwrap().open(stage.dir.path()).unwrap();
    assert_eq!(mounted.roots(&owner()).unwrap(), [1, 2]);
    assert!(matches!(mounted.make_root(&owner(), 3), Err(ProviderError::ReadOnly)));
    assert!(settings(&text("memory")).is_err());
}

#[test]
fn what_no_provider_could_follow_is_refused() {
    for (text, error) in [
        ("provider = \"file\"\nepochs = \"e\"\n", KeySettingsError::Folders),
        ("provider = \"mounted\"\nroots = \"r\"\n", KeySettingsError::Folders),
        ("provider = \"pkcs11\"\nmodule = \"/d.so\"\ntoken = \"t\"\n", KeySettingsError::Token),
        ("provider = \"pkcs11\"\nmodule = \"/d.so\"\npin_file = \"p\"\n", KeySettingsError::Token),
        (
            "provider = \"pkcs11\"\nmodule = \"d.so\"\ntoken = \"t\"\npin_file = \"p\"\n",
            KeySettingsError::Token,
        ),
        (
            "provider = \"file\"\nroots = \"r\"\nepochs = \"e\"\nepochs_kept = 0\n",
            KeySettingsError::EpochsKept,
        ),
        (
            "provider = \"file\"\nroots = \"r\"\nepochs = \"e\"\nepochs_kept = 3661\n",
            KeySettingsError::EpochsKept,
        ),
    ] {
        let settings = settings(text).unwrap();
        assert_eq!(settings.check(), Err(error), "{text}");
        assert_eq!(settings.open(std::path::Path::new("/")).err(), Some(error), "{text}");
    }
}
