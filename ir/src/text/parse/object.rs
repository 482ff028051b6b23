//! Objects and what is asked of them.

use super::{Parser, Result};
use crate::text::lexer::Token;
use crate::{
    ObjectDef, ObjectKind, Op, Query, RecentAction, RecentList, RecentQuery, SetInfo, SetQuery,
};
use bpfc_ipset::{Comparison, Set, SetDef, Test, split_words};
use std::sync::Arc;

impl Parser {
    /// What stands after `objectN =`.
    pub(super) fn object_def(&mut self) -> Result<ObjectDef> {
        let name = match self.peek() {
            Token::Text(_) => self.string("a name")?,
            _ => String::new(),
        };
        Ok(ObjectDef { name, kind: self.object_kind()? })
    }

    fn object_kind(&mut self) -> Result<ObjectKind> {
        if self.eat_word("recent") {
            self.keyword("entries")?;
            let entries = self.number("a number of entries")?;
            self.keyword("stamps")?;
            let stamps = self.number("a number of times")?;
            self.keyword("mask")?;
            let mask = self.number("a mask")?;
            Ok(ObjectKind::Recent(RecentList { entries, stamps, mask }))
        } else if self.eat_word("connections") {
            Ok(ObjectKind::Connections { family: self.word("a family")? })
        } else if self.eat_word("set") {
            self.set()
        } else {
            self.expected("a kind of object")
        }
    }

    /// What stands after `query`.
    pub(super) fn query(&mut self) -> Result<Op> {
        let object = self.object()?;
        let query = if self.eat_word("connections") {
            Query::Connections
        } else if self.eat_word("recent") {
            Query::Recent(self.recent_query()?)
        } else {
            Query::Set(self.set_query()?)
        };
        self.punct("(")?;
        let mut arguments = Vec::new();
        if !self.eat(")") {
            arguments.push(self.value()?);
            while self.eat(",") {
                arguments.push(self.value()?);
            }
            self.punct(")")?;
        }
        Ok(Op::Query(object, Box::new(query), arguments.into()))
    }

    fn recent_query(&mut self) -> Result<RecentQuery> {
        let family = self.word("a family")?;
        let mut found = None;
        for (action, word) in RecentAction::ALL {
            if found.is_none() && self.eat_word(word) {
                found = Some(action);
            }
        }
        let Some(action) = found else { return self.expected("what becomes of the address") };
        let mut numbers = [0; 2];
        for (word, number) in ["seconds", "hits"].into_iter().zip(&mut numbers) {
            if self.eat_word(word) {
                *number = self.number("a number")?;
            }
        }
        let [seconds, hits] = numbers;
        let [ttl, reap, invert] = ["ttl", "reap", "invert"].map(|word| self.eat_word(word));
        Ok(RecentQuery { family, action, invert, seconds, hits, ttl, reap })
    }

    /// A set's definition and elements, a string each, as `ipset save` prints them.
    fn set(&mut self) -> Result<ObjectKind> {
        let line = self.string("a set's definition")?;
        let words: Vec<&str> = line.split_ascii_whitespace().skip(1).collect();
        let Ok(def) = SetDef::parse(&words) else {
            return self.expected("a set's definition before this");
        };
        let layout = def.layout();
        let mut set = Set::new(def);
        while self.eat(",") {
            let line = self.string("an element")?;
            let mut words = Vec::new();
            let split = split_words(&line, &mut words).is_ok();
            let known = words.len() > 2 && set.append(&layout, &words[2..]).is_ok();
            if !split || !known {
                return self.expected("an element before this");
            }
        }
        set.sort();
        Ok(ObjectKind::Set(Arc::new(set)))
    }

    /// What is asked of an element, behind a prefix.
    fn set_info(&mut self, prefix: &str) -> Option<SetInfo> {
        let all = [SetInfo::Mark, SetInfo::Priority, SetInfo::Queue];
        all.into_iter().find(|info| self.eat_word(&format!("{prefix}{info}")))
    }

    fn set_query(&mut self) -> Result<SetQuery> {
        Ok(if self.eat_word("test") {
            SetQuery::Test(self.set_test()?)
        } else if let Some(info) = self.set_info("") {
            SetQuery::Info(info, self.set_test()?)
        } else if let Some(info) = self.set_info("member-") {
            SetQuery::MemberInfo(self.number("a position")?, info)
        } else if self.eat_word("member") {
            SetQuery::Member(self.number("a position")?)
        } else if self.eat_word("hit") {
            SetQuery::Hit(self.number("a position")?, self.set_test()?)
        } else if self.eat_word("add") {
            let exist = self.eat_word("exist");
            let timeout = match self.eat_word("timeout") {
                true => Some(self.number("a number of seconds")?),
                false => None,
            };
            SetQuery::Add { exist, timeout }
        } else if self.eat_word("delete") {
            SetQuery::Delete
        } else {
            return self.expected("a query");
        })
    }

    fn set_test(&mut self) -> Result<Test> {
        Ok(Test {
            return_nomatch: self.eat_word("return-nomatch"),
            keep_counters: self.eat_word("keep-counters"),
            packets: self.comparison("packets")?,
            bytes: self.comparison("bytes")?,
        })
    }

    fn comparison(&mut self, word: &str) -> Result<Option<Comparison>> {
        if !self.eat_word(word) {
            return Ok(None);
        }
        let make = [
            ("eq", Comparison::Equal as fn(u64) -> Comparison),
            ("ne", Comparison::NotEqual),
            ("lt", Comparison::Less),
            ("gt", Comparison::Greater),
        ];
        for (word, make) in make {
            if self.eat_word(word) {
                return Ok(Some(make(self.number("a number")?)));
            }
        }
        self.expected("a comparison")
    }
}
