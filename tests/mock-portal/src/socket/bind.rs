//! Creating the socket so that nobody but the owner can ever connect.
//!
//! It is bound inside a fresh folder of mode 0700, set to 0600 and only then moved to its place, which also
//! replaces what a killed portal left behind. Two portals cannot meet here: the data folder is locked first.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// A listening socket, removed when dropped.
pub(crate) struct Socket {
    pub(crate) listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        let mut nest = path.as_os_str().to_owned();
        nest.push(".new");
        let nest = PathBuf::from(nest);
        match std::fs::remove_dir_all(&nest) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        DirBuilder::new().mode(0o700).create(&nest)?;
        let inside = nest.join("s");
        let listener = UnixListener::bind(&inside)?;
        std::fs::set_permissions(&inside, Permissions::from_mode(0o600))?;
        std::fs::rename(&inside, path)?;
        std::fs::remove_dir(&nest)?;
        Ok(Self { listener, path: path.to_owned() })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Nothing is lost if it stays: the next portal replaces it.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::UnixStream;

    #[tokio::test]
    async fn the_socket_is_the_owners_alone_and_replaces_a_dead_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portal.sock");
        std::fs::write(&path, b"left behind").unwrap();
        let socket = Socket::bind(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let (near, far) = tokio::join!(UnixStream::connect(&path), socket.listener.accept());
        near.unwrap();
        far.unwrap();
        drop(socket);
        assert!(!path.exists());
    }
}
