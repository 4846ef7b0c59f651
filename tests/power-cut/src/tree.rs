//! The folder as the recorded processes see it at each moment: what a path means, and how long a file is.
//!
//! Paths are absolute; calls on those outside of it make no steps.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use crate::image::Image;
use crate::step::{CallNumber, FileChange, NameChange, Node, ROOT, Step};

enum Seen {
    File { length: u64 },
    Folder(BTreeMap<OsString, Node>),
}

pub(crate) struct Tree {
    root: PathBuf,
    nodes: Vec<Seen>,
}

/// What stands in place of a path.
enum Place {
    Elsewhere,
    Root,
    In { folder: Node, name: OsString, found: Option<Node> },
}

impl Tree {
    pub(crate) fn new(root: &Path, before: &Image) -> Self {
        let mut tree = Self { root: root.to_owned(), nodes: Vec::new() };
        number(before, &mut |image, inside| {
            tree.nodes.push(match image {
                Image::File(bytes) => Seen::File { length: bytes.len() as u64 },
                Image::Folder(_) => Seen::Folder(inside),
            });
        });
        tree
    }

    pub(crate) fn length(&self, node: Node) -> u64 {
        match self.nodes.get(node) {
            Some(Seen::File { length }) => *length,
            _ => 0,
        }
    }

    pub(crate) fn change(&mut self, node: Node, change: &FileChange) {
        if let Some(Seen::File { length }) = self.nodes.get_mut(node) {
            *length = change.length_after(*length);
        }
    }

    /// The node at `path`, made if it is to be and is not there; `None` for one elsewhere.
    pub(crate) fn open(&mut self, call: CallNumber, path: &Path, create: bool) -> Option<(Node, Vec<Step>)> {
        match self.place(path)? {
            Place::Elsewhere => None,
            Place::Root => Some((ROOT, Vec::new())),
            Place::In { found: Some(node), .. } => Some((node, Vec::new())),
            Place::In { folder, name, found: None } if create => {
                let node = self.add(Seen::File { length: 0 });
                Some((node, vec![Step::NewFile(node), self.name(call, folder, NameChange::Set(name, node))]))
            }
            Place::In { .. } => None,
        }
    }

    pub(crate) fn make_folder(&mut self, call: CallNumber, path: &Path) -> Option<Vec<Step>> {
        let Place::In { folder, name, found: None } = self.place(path)? else { return self.elsewhere(path) };
        let node = self.add(Seen::Folder(BTreeMap::new()));
        Some(vec![Step::NewFolder(node), self.name(call, folder, NameChange::Set(name, node))])
    }

    pub(crate) fn remove(&mut self, call: CallNumber, path: &Path) -> Option<Vec<Step>> {
        let Place::In { folder, name, found: Some(_) } = self.place(path)? else {
            return self.elsewhere(path);
        };
        Some(vec![self.name(call, folder, NameChange::Remove(name))])
    }

    /// Removes a name from a folder that was opened.
    pub(crate) fn remove_from(&mut self, call: CallNumber, folder: Node, name: &Path) -> Option<Vec<Step>> {
        let found = self.child(folder, name)?;
        found.map(|_| vec![self.name(call, folder, NameChange::Remove(name.into()))])
    }

    /// What has a name in a folder that was opened; `None` for a path that is more than a name.
    pub(crate) fn child(&self, folder: Node, name: &Path) -> Option<Option<Node>> {
        let Some(Seen::Folder(names)) = self.nodes.get(folder) else { return None };
        (name.file_name()? == name.as_os_str()).then(|| names.get(name.as_os_str()).copied())
    }

    /// `None` also for a name that is moved between folders.
    pub(crate) fn rename(&mut self, call: CallNumber, from: &Path, to: &Path) -> Option<Vec<Step>> {
        match (self.place(from)?, self.place(to)?) {
            (Place::Elsewhere, Place::Elsewhere) => Some(Vec::new()),
            (
                Place::In { folder, name: from, found: Some(node) },
                Place::In { folder: into, name: to, .. },
            ) if folder == into => Some(vec![self.name(call, folder, NameChange::Move { from, to, node })]),
            _ => None,
        }
    }

    pub(crate) fn link(&mut self, call: CallNumber, from: &Path, to: &Path) -> Option<Vec<Step>> {
        match (self.place(from)?, self.place(to)?) {
            (Place::Elsewhere, Place::Elsewhere) => Some(Vec::new()),
            (Place::In { found: Some(node), .. }, Place::In { folder, name, found: None }) => {
                Some(vec![self.name(call, folder, NameChange::Set(name, node))])
            }
            _ => None,
        }
    }

    /// Whether a file in the folder has this name.
    pub(crate) fn has(&self, path: &Path) -> bool {
        !matches!(self.place(path), None | Some(Place::In { found: None, .. }))
    }

    /// `None` if `path` lies in the folder.
    pub(crate) fn is_elsewhere(&self, path: &Path) -> Option<()> {
        matches!(self.place(path)?, Place::Elsewhere).then_some(())
    }

    fn elsewhere(&self, path: &Path) -> Option<Vec<Step>> {
        self.is_elsewhere(path).map(|()| Vec::new())
    }

    fn add(&mut self, seen: Seen) -> Node {
        self.nodes.push(seen);
        self.nodes.len() - 1
    }

    fn name(&mut self, call: CallNumber, folder: Node, change: NameChange) -> Step {
        if let Some(Seen::Folder(names)) = self.nodes.get_mut(folder) {
            change.apply(names);
        }
        Step::Name { call, folder, change }
    }

    /// `None` for a path through something that is not there: the call cannot have succeeded.
    fn place(&self, path: &Path) -> Option<Place> {
        let Some(inside) = normal(path).strip_prefix(&self.root).ok().map(Path::to_owned) else {
            return Some(Place::Elsewhere);
        };
        let Some(name) = inside.file_name() else { return Some(Place::Root) };
        let mut folder = ROOT;
        for part in inside.parent().into_iter().flat_map(Path::components) {
            let Some(Seen::Folder(names)) = self.nodes.get(folder) else { return None };
            folder = *names.get(part.as_os_str())?;
        }
        let Some(Seen::Folder(names)) = self.nodes.get(folder) else { return None };
        Some(Place::In { folder, name: name.to_owned(), found: names.get(name).copied() })
    }
}

/// The path without `.` and `..`; there are no symbolic links on the way.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

/// Shows every node of `image` in the order of their numbers, a folder with the numbers of what is in it.
pub(crate) fn number<'a>(image: &'a Image, visit: &mut impl FnMut(&'a Image, BTreeMap<OsString, Node>)) {
    let mut waiting = std::collections::VecDeque::from([image]);
    let mut next = ROOT + 1;
    while let Some(image) = waiting.pop_front() {
        let mut inside = BTreeMap::new();
        if let Image::Folder(names) = image {
            for (name, image) in names {
                inside.insert(name.clone(), next);
                next += 1;
                waiting.push_back(image);
            }
        }
        visit(image, inside);
    }
}
