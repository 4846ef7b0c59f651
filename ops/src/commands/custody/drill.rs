//! `keys drill`: proof that shares restore the root in use. The root never leaves the memory of this process.

use chukei_crypto::custody;
use serde_json::json;

use super::{about, add, files, number_of, restore};
use crate::cli::DrillArgs;
use crate::failure::Failure;
use crate::report::Report;

pub(super) fn run(args: &DrillArgs) -> Result<Report, Failure> {
    let (shares, secret) = restore(&args.shares)?;
    let owner = shares.first().map_or("", |share| share.set().owner.as_str());
    let number = number_of(&shares);
    let mut json = about(&shares);
    add(&mut json, "restored", json!(true));
    let mut text = format!("{owner} のルート鍵 {number} を {} 個のシェアから復元できました", shares.len());
    if let Some(dir) = &args.roots {
        let in_use = files::read_root(&dir.join(files::root_name(owner, number)))?;
        let check = custody::check_value(&in_use, owner, number);
        if check != custody::check_value(&secret, owner, number) {
            return Err(Failure::other(
                "ROOT_DIFFERS",
                "シェアは使用中のものとは別のルート鍵を復元します。使用中の鍵を分割し直してください",
            ));
        }
        add(&mut json, "root_in_use", json!(true));
        text.push_str("\n使用中のルート鍵と一致します");
    }
    Ok(Report { json, text })
}
