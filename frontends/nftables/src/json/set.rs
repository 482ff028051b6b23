//! Sets, maps and their elements.

use super::command::{comment, name};
use super::document::{Object, Value};
use super::{Parsed, Reader, boolean, error, one_of, words_of};
use crate::model::{ObjectKind, SetFlags};
use crate::syntax::ast::*;
use std::mem::discriminant;

impl Reader<'_> {
    /// A set or map. It is there even where what it says of itself is wrong, for those who name it.
    pub(super) fn add_set(&mut self, value: Value<'_>, is_map: bool) -> Parsed<CommandKind> {
        let what = if is_map { "the map" } else { "the set" };
        let known = [
            "family",
            "table",
            "name",
            "handle",
            "type",
            "map",
            "policy",
            "flags",
            "elem",
            "timeout",
            "gc-interval",
            "size",
            "auto-merge",
            "stmt",
            "comment",
        ];
        let object = self.object(value, what, &known)?;
        let table = self.table_ref(&object)?;
        let mut set = Set {
            name: name(&object, "name")?,
            is_map: is_map || object.get("map").is_some(),
            key: None,
            data: None,
            flags: SetFlags::default(),
            auto_merge: false,
            timeout: None,
            gc_interval: None,
            size: None,
            statements: Vec::new(),
            comment: None,
            elements: None,
            is_broken: false,
        };
        if let Err(wrong) = self.set_properties(&object, &mut set) {
            self.report(wrong);
            set.is_broken = true;
        }
        Ok(CommandKind::Set { table, set })
    }

    fn set_properties(&mut self, object: &Object<'_>, set: &mut Set) -> Parsed<()> {
        set.key = Some(self.set_type(object.need("type")?)?);
        if let Some(data) = object.get("map") {
            set.data = Some(self.map_data(data)?);
        }
        if let Some(flags) = object.get("flags") {
            let words = ["constant", "interval", "timeout", "dynamic"];
            for flag in words_of(flags, &words, "a flag of a set")? {
                match flag {
                    "constant" => set.flags.constant = true,
                    "interval" => set.flags.interval = true,
                    "timeout" => set.flags.timeout = true,
                    _ => set.flags.dynamic = true,
                }
            }
        }
        if let Some(policy) = object.get("policy") {
            one_of(policy, &["performance", "memory"], "a policy of sets")?;
        }
        set.timeout = span_of_time(object, "timeout")?;
        set.gc_interval = span_of_time(object, "gc-interval")?;
        set.auto_merge = boolean(object, "auto-merge")?;
        if let Some(size) = object.get("size") {
            let size = size.number(u32::MAX.into(), "a number of elements")? as u32;
            set.size = Some(size).filter(|size| *size > 0);
        }
        if let Some(statements) = object.get("stmt") {
            set.statements = self.states(statements)?;
        }
        set.comment = comment(object)?;
        set.elements = object.get("elem").map(|elements| self.set(elements)).transpose()?;
        in_order_of(&set.statements, set.elements.as_mut());
        Ok(())
    }

    /// Names of datatypes, or an expression of the type.
    fn set_type(&mut self, value: Value<'_>) -> Parsed<SetType> {
        let wanted = "a datatype";
        let named =
            |value: &Value<'_>| Ok(Name { text: value.string(wanted)?, span: value.span() });
        if value.is_object() {
            let object = value.object("the type")?;
            let (what, of) = object.only()?;
            return match what {
                "typeof" => Ok(SetType::Of(self.expression(of)?)),
                _ => Err(value.unexpected("a datatype, or an object with the property `typeof`")),
            };
        }
        if !value.is_array() {
            return Ok(SetType::Named(vec![named(&value)?]));
        }
        let parts = value.array(wanted)?;
        match parts.len() {
            2.. => Ok(SetType::Named(parts.iter().map(named).collect::<Parsed<_>>()?)),
            _ => Err(error(value.span(), "a concatenation of datatypes has two at least")),
        }
    }

    /// What a map yields.
    fn map_data(&mut self, value: Value<'_>) -> Parsed<MapData> {
        if value.is_string() {
            let word = value.string("a datatype")?;
            let class = match word.as_str() {
                "counter" => return Ok(MapData::Object(ObjectKind::Counter)),
                "quota" => return Ok(MapData::Object(ObjectKind::Quota)),
                "limit" => return Ok(MapData::Object(ObjectKind::Limit)),
                "ct helper" => Some("helper"),
                "ct timeout" => Some("timeout"),
                "ct expectation" => Some("expectation"),
                "secmark" | "synproxy" | "tunnel" => Some(word.as_str()),
                _ => None,
            };
            if let Some(class) = class {
                return Err(crate::outside::outside(class, value.span()));
            }
        }
        Ok(MapData::Type { data: self.set_type(value)?, is_range: false })
    }

    /// Elements that a command adds or deletes.
    pub(super) fn elements_of(
        &mut self,
        value: Value<'_>,
        command: impl FnOnce(TableRef, Name, Expr) -> CommandKind,
    ) -> Parsed<CommandKind> {
        let object = self.object(value, "the element", &["family", "table", "name", "elem"])?;
        let table = self.table_ref(&object)?;
        let set = name(&object, "name")?;
        Ok(command(table, set, self.set(object.need("elem")?)?))
    }

    /// Elements: an array of them, or one.
    pub(super) fn set(&mut self, value: Value<'_>) -> Parsed<Expr> {
        let span = value.span();
        let items = self.nested(span, |this| match value.is_array() {
            true => {
                let values = value.array("elements")?;
                let mut items = Vec::with_capacity(values.len());
                for value in values {
                    items.push(this.item(value)?);
                }
                Ok(items)
            }
            false => Ok(vec![this.item(value)?]),
        })?;
        Ok(Expr { kind: ExprKind::Set(items), span })
    }

    /// An element; an array of two is a key and what the map yields for it.
    fn item(&mut self, value: Value<'_>) -> Parsed<SetItem> {
        let span = value.span();
        let pair = match value.is_array() {
            true => value.array("an element")?,
            false => Vec::new(),
        };
        let (key, data) = match pair.as_slice() {
            [key, data] => (*key, Some(Box::new(self.expression(*data)?))),
            _ => (value, None),
        };
        let (key, more) = self.element(key)?;
        Ok(SetItem { key, data, more: more.map(Box::new), span })
    }

    /// A key, and what an `elem` object says beside it.
    pub(super) fn element(&mut self, value: Value<'_>) -> Parsed<(Option<Expr>, Option<ItemMore>)> {
        let Some(of) = elem_of(value)? else { return Ok((self.key(value)?, None)) };
        let known = [
            "val", "timeout", "expires", "comment", "counter", "limit", "quota", "last", "ct count",
        ];
        let object = self.object(of, "the element", &known)?;
        let key = object.need("val")?;
        // nft passes over 0; the longest time is what it lists for elements that never end.
        let timeout = match span_of_time(&object, "timeout")? {
            Some(timeout) if timeout == u64::MAX / 1000 * 1000 => Some(0),
            timeout => timeout,
        };
        let expires = span_of_time(&object, "expires")?;
        let options = ItemOptions { timeout, expires, comment: comment(&object)? };
        let mut statements = Vec::new();
        for (name, of) in object.members() {
            if let Some(kind) = self.state(name, *of)? {
                statements.push(Statement { kind, span: of.span() });
            }
        }
        let more = ItemMore { options, statements };
        let is_plain = more.options.is_none() && more.statements.is_empty();
        Ok((self.key(key)?, Some(more).filter(|_| !is_plain)))
    }

    /// `*` stands for all other keys.
    fn key(&mut self, value: Value<'_>) -> Parsed<Option<Expr>> {
        match value.is_string() && value.string("a key")? == "*" {
            true => Ok(None),
            false => self.expression(value).map(Some),
        }
    }
}

/// Puts the statements of elements, which are properties and have no order, into that of the set.
fn in_order_of(statements: &[Statement], elements: Option<&mut Expr>) {
    let Some(ExprKind::Set(items)) = elements.map(|elements| &mut elements.kind) else { return };
    let place = |one: &Statement| {
        let same = |known: &Statement| discriminant(&known.kind) == discriminant(&one.kind);
        statements.iter().position(same)
    };
    for more in items.iter_mut().filter_map(|item| item.more.as_mut()) {
        more.statements.sort_by_key(place);
    }
}

/// A time in seconds, in milliseconds; 0 is none.
fn span_of_time(object: &Object<'_>, name: &str) -> Parsed<Option<u64>> {
    let Some(value) = object.get(name) else { return Ok(None) };
    let seconds = value.number(u64::MAX / 1000, "a number of seconds")?;
    Ok(Some(seconds * 1000).filter(|time| *time > 0))
}

/// What an `elem` object holds; `None` where it is another value.
fn elem_of(value: Value<'_>) -> Parsed<Option<Value<'_>>> {
    if !value.is_object() {
        return Ok(None);
    }
    let object = value.object("an element")?;
    match object.members() {
        [(name, of)] if name == "elem" => Ok(Some(*of)),
        _ => Ok(None),
    }
}
