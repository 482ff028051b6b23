//! What the reference evaluator's matches share: the kernel's tables that rules find by name.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Everything that outlives a packet and belongs to no single rule: by the extension and a name,
/// a value of the extension's own type.
#[derive(Default)]
pub struct Memory(RefCell<Entries>);

type Entries = BTreeMap<(&'static str, String), Box<dyn Any>>;

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.borrow().keys()).finish()
    }
}

impl Memory {
    /// Uses what an extension keeps under a name; `make` makes it the first time. An extension
    /// has one type of value.
    pub fn with<T: 'static, R>(
        &self,
        extension: &'static str,
        name: &str,
        make: impl Fn() -> T,
        use_it: impl FnOnce(&mut T) -> R,
    ) -> R {
        let mut entries = self.0.borrow_mut();
        let entry = entries.entry((extension, name.to_owned()));
        let value = entry.or_insert_with(|| Box::new(make()));
        match value.downcast_mut() {
            Some(value) => use_it(value),
            // Of another type, which no extension stores: as good as new.
            None => use_it(&mut make()),
        }
    }
}
