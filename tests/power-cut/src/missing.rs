//! Recordings without some of their syncs.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;

use crate::image::Image;
use crate::record::Recording;
use crate::step::{NameChange, Node, ROOT, Step};
use crate::tree::number;

/// Syncs that a disk did not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Of the files whose names end so when they are synced.
    Files(&'static str),
    /// Of all files in the folders of this name.
    FilesIn(&'static str),
    /// Of the folders whose names end so; of the trial's own folder, which has no name, with the empty string.
    Folders(&'static str),
}

/// What was called how, and where, when it was named last.
#[derive(Default)]
struct Names {
    names: HashMap<Node, (Node, OsString)>,
    folders: HashSet<Node>,
}

impl Names {
    fn of(before: &Image) -> Self {
        let mut names = Self::default();
        let mut node = ROOT;
        number(before, &mut |image, inside| {
            if matches!(image, Image::Folder(_)) {
                names.folders.insert(node);
            }
            names.names.extend(inside.into_iter().map(|(name, found)| (found, (node, name))));
            node += 1;
        });
        names
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::NewFolder(node) => {
                self.folders.insert(*node);
            }
            Step::Name {
                folder,
                change: NameChange::Set(name, node) | NameChange::Move { to: name, node, .. },
                ..
            } => {
                self.names.insert(*node, (*folder, name.clone()));
            }
            _ => {}
        }
    }

    fn name(&self, node: Node) -> (Node, String) {
        let named = self.names.get(&node);
        named.map_or((ROOT, String::new()), |(folder, name)| (*folder, name.to_string_lossy().into_owned()))
    }

    fn has(&self, missing: Missing, node: Node) -> bool {
        let is_folder = self.folders.contains(&node);
        let (folder, name) = self.name(node);
        match missing {
            Missing::Files(end) => !is_folder && name.ends_with(end),
            Missing::FilesIn(of) => !is_folder && self.name(folder).1 == of,
            Missing::Folders("") => node == ROOT,
            Missing::Folders(end) => is_folder && name.ends_with(end),
        }
    }
}

/// The steps without these syncs; `None` if there are none.
pub(crate) fn without(recording: &Recording, missing: Missing) -> Option<Vec<Step>> {
    let mut names = Names::of(&recording.before);
    let mut gone = HashSet::new();
    for step in &recording.steps {
        names.take(step);
        if let Step::SyncBegun { call, node, .. } = step
            && names.has(missing, *node)
        {
            gone.insert(*call);
        }
    }
    let stays = |step: &&Step| match step {
        Step::SyncBegun { call, .. } | Step::SyncEnded { call } => !gone.contains(call),
        _ => true,
    };
    (!gone.is_empty()).then(|| recording.steps.iter().filter(stays).cloned().collect())
}
