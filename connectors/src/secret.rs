//! A password or key: named in the department file, kept elsewhere, shown nowhere.

use crate::{Said, said};
use std::fmt;
use std::path::Path;

use serde::Deserialize;

/// Where a secret is kept. The department file says `{ env = "NAME" }`, `{ file = "path" }` or `{ credential = "name" }`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Secret {
    /// An environment variable.
    Env(String),
    /// A file that only we can read; a line feed at its end is not part of the secret.
    File(String),
    /// A credential that systemd hands over, by its name.
    Credential(String),
}

/// A secret in memory. Its `Debug` and its absence of `Display` keep it out of messages.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Hidden {
    /// A secret that a server gave us, such as a token.
    pub(crate) fn new(text: &str) -> Hidden {
        Hidden(text.to_owned())
    }

    /// The secret itself, for the driver alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl Secret {
    /// Fetches it; paths are below `root`. The message names where it was looked for.
    pub fn fetch(&self, root: &Path) -> Result<Hidden, Said> {
        let read = |path: &Path| {
            let text = std::fs::read_to_string(path)
                .map_err(|it| said!("无法读取密钥文件 {}：{it}", "the secret file {} cannot be read: {it}", path.display()))?;
            Ok::<_, Said>(text.trim_end_matches(['\n', '\r']).to_owned())
        };
        let text = match self {
            Secret::Env(name) => {
                std::env::var(name).map_err(|_| said!("没有设置环境变量 {name}", "the environment variable {name} is not set"))?
            }
            Secret::File(path) => read(&root.join(path))?,
            Secret::Credential(name) => {
                let folder = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| {
                    said!(
                        "systemd 没有交来凭据；服务单元中应写 `LoadCredential={name}:...`",
                        "systemd handed over no credentials; `LoadCredential={name}:...` belongs in the unit"
                    )
                })?;
                read(&Path::new(&folder).join(name))?
            }
        };
        Ok(Hidden(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Holder {
        password: Secret,
    }

    #[test]
    fn it_comes_from_a_file_and_is_not_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("key"), "s3cret\n").expect("to write");
        let holder: Holder = toml::from_str("password = { file = 'key' }").expect("TOML");
        let hidden = holder.password.fetch(folder.path()).expect("the file is there");
        assert_eq!(hidden.reveal(), "s3cret");
        assert_eq!(format!("{hidden:?}"), "***");
    }

    #[test]
    fn a_missing_one_is_named() {
        let holder: Holder = toml::from_str("password = { env = 'MUSTER_NO_SUCH_VARIABLE' }").expect("TOML");
        let why = holder.password.fetch(Path::new(".")).expect_err("it is not set");
        assert!(why.contains("MUSTER_NO_SUCH_VARIABLE"));
        assert!(toml::from_str::<Holder>("password = 'in the open'").is_err());
    }
}
