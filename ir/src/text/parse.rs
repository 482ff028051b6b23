//! Reading. The result is well formed in that every reference leads somewhere; whether the program
//! keeps the IR's invariants is the verifier's to say.

mod function;
mod log;
mod object;
mod state;
mod table;

use super::lexer::{Token, tokens};
use crate::{
    BaseChain, Block, Chain, ChainData, Contents, Counted, Counter, CounterDef, CounterList, Entry,
    Func, Object, Origin, Probe, ProbeDef, Program, Rule, RuleData, RuleKind, RuleList, State,
    Table, TextSearch, UnknownWord, Value, Walk,
};
use bpfc_diag::{FileId, LineColumn, Span};
use std::fmt;
use std::str::FromStr;

/// Where and why a text is no program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {message}")]
pub struct ParseError {
    /// The token that is wrong.
    pub at: LineColumn,
    /// What is wrong with it.
    pub message: String,
}

impl ParseError {
    pub(super) fn new(at: LineColumn, message: String) -> Self {
        ParseError { at, message }
    }
}

type Result<T> = std::result::Result<T, ParseError>;

/// What a statement refers to that may be defined after it.
#[derive(Clone, Copy)]
enum Reference {
    Chain(Chain),
    Rule(Rule),
    Rules(RuleList),
    Counter(Counter),
    Counters(CounterList),
    State(State),
    Table(Table),
    Object(Object),
    Probe(Probe),
    Func(Func),
}

struct Parser {
    tokens: Vec<(Token, LineColumn)>,
    next: usize,
    references: Vec<(LineColumn, Reference)>,
}

impl FromStr for Program {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Program> {
        let mut parser = Parser { tokens: tokens(text)?, next: 0, references: Vec::new() };
        let program = parser.program()?;
        match parser.peek() {
            Token::End => Ok(program),
            _ => parser.error("contents of tables stand beside a program"),
        }
    }
}

/// Reads a program, and behind it what its tables have in them.
///
/// # Errors
/// Where the text is neither, or an element is none of its table's.
pub fn parse(text: &str) -> Result<(Program, Contents)> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, references: Vec::new() };
    let program = parser.program()?;
    let mut contents = Contents::default();
    while parser.eat_word("contents") {
        let at = parser.at();
        let (table, elements) = parser.contents(&program)?;
        if contents.of(table).is_some() {
            return Err(ParseError::new(at, format!("{table} has contents already")));
        }
        contents.set(table, elements);
    }
    match parser.peek() {
        Token::End => Ok((program, contents)),
        _ => parser.expected("'contents' or the end"),
    }
}

/// The number of an entity's name, such as 12 of `block12`.
fn entity(word: &str, prefix: &str) -> Option<u32> {
    let digits = word.strip_prefix(prefix)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|&number| number != u32::MAX)
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.next].0
    }

    fn at(&self) -> LineColumn {
        self.tokens[self.next].1
    }

    /// Steps over the next token; the end stays.
    fn advance(&mut self) {
        if self.next + 1 < self.tokens.len() {
            self.next += 1;
        }
    }

    fn error<T>(&self, message: impl fmt::Display) -> Result<T> {
        Err(ParseError::new(self.at(), message.to_string()))
    }

    fn expected<T>(&self, what: &str) -> Result<T> {
        self.error(format!("expected {what}, found {}", self.peek().describe()))
    }

    fn eat(&mut self, punct: &str) -> bool {
        let found = matches!(self.peek(), Token::Punct(found) if *found == punct);
        if found {
            self.advance();
        }
        found
    }

    fn punct(&mut self, punct: &str) -> Result<()> {
        if self.eat(punct) { Ok(()) } else { self.expected(&format!("'{punct}'")) }
    }

    fn peek_word(&self) -> Option<&str> {
        match self.peek() {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.peek_word() == Some(word);
        if found {
            self.advance();
        }
        found
    }

    fn keyword(&mut self, word: &str) -> Result<()> {
        if self.eat_word(word) { Ok(()) } else { self.expected(&format!("'{word}'")) }
    }

    /// A word of a vocabulary.
    fn word<T: FromStr<Err = UnknownWord>>(&mut self, what: &str) -> Result<T> {
        let Some(word) = self.peek_word() else { return self.expected(what) };
        match word.parse() {
            Ok(value) => {
                self.advance();
                Ok(value)
            }
            Err(_) => self.expected(what),
        }
    }

    fn number<T: TryFrom<u128>>(&mut self, what: &str) -> Result<T> {
        let Token::Number(number) = *self.peek() else { return self.expected(what) };
        let Ok(number) = T::try_from(number) else {
            return self.error(format!("{number} is too large for {what}"));
        };
        self.advance();
        Ok(number)
    }

    fn string(&mut self, what: &str) -> Result<String> {
        let Token::Text(text) = self.peek() else { return self.expected(what) };
        let text = text.clone();
        self.advance();
        Ok(text)
    }

    /// An entity's number.
    fn entity(&mut self, prefix: &str, what: &str) -> Result<u32> {
        let Some(number) = self.peek_word().and_then(|word| entity(word, prefix)) else {
            return self.expected(what);
        };
        self.advance();
        Ok(number)
    }

    fn value(&mut self) -> Result<Value> {
        self.entity("v", "a value").map(Value::from_u32)
    }

    fn block(&mut self) -> Result<Block> {
        self.entity("block", "a block").map(Block::from_u32)
    }

    fn rule(&mut self) -> Result<Rule> {
        let at = self.at();
        let rule = Rule::from_u32(self.entity("rule", "a rule")?);
        self.references.push((at, Reference::Rule(rule)));
        Ok(rule)
    }

    fn counter(&mut self) -> Result<Counter> {
        let at = self.at();
        let counter = Counter::from_u32(self.entity("counter", "a counter")?);
        self.references.push((at, Reference::Counter(counter)));
        Ok(counter)
    }

    fn counted(&mut self) -> Result<Counted> {
        let at = self.at();
        let Some(number) = self.peek_word().and_then(|word| entity(word, "counters")) else {
            return self.counter().map(Counted::One);
        };
        self.advance();
        let list = CounterList::from_u32(number);
        self.references.push((at, Reference::Counters(list)));
        Ok(Counted::All(list))
    }

    fn origin(&mut self) -> Result<Origin> {
        let at = self.at();
        let Some(number) = self.peek_word().and_then(|word| entity(word, "rules")) else {
            return self.rule().map(Origin::from);
        };
        self.advance();
        let list = RuleList::from_u32(number);
        self.references.push((at, Reference::Rules(list)));
        Ok(list.into())
    }

    fn chain(&mut self) -> Result<Chain> {
        let at = self.at();
        let chain = Chain::from_u32(self.entity("chain", "a chain")?);
        self.references.push((at, Reference::Chain(chain)));
        Ok(chain)
    }

    fn func(&mut self) -> Result<Func> {
        let at = self.at();
        let func = Func::from_u32(self.entity("fn", "a function")?);
        self.references.push((at, Reference::Func(func)));
        Ok(func)
    }

    fn state(&mut self) -> Result<State> {
        let at = self.at();
        let state = State::from_u32(self.entity("state", "a state")?);
        self.references.push((at, Reference::State(state)));
        Ok(state)
    }

    fn table(&mut self) -> Result<Table> {
        let at = self.at();
        let table = Table::from_u32(self.entity("table", "a table")?);
        self.references.push((at, Reference::Table(table)));
        Ok(table)
    }

    fn object(&mut self) -> Result<Object> {
        let at = self.at();
        let object = Object::from_u32(self.entity("object", "an object")?);
        self.references.push((at, Reference::Object(object)));
        Ok(object)
    }

    fn probe(&mut self) -> Result<Probe> {
        let at = self.at();
        let probe = Probe::from_u32(self.entity("probe", "a probe")?);
        self.references.push((at, Reference::Probe(probe)));
        Ok(probe)
    }

    fn probe_definition(&mut self) -> Result<ProbeDef> {
        if self.eat_word("filter") {
            let text = self.string("a filter")?;
            return match text.parse() {
                Ok(filter) => Ok(ProbeDef::Filter(filter)),
                Err(error) => self.error(error),
            };
        }
        self.keyword("text")?;
        let digits = self.string("a pattern")?;
        let pairs: Vec<char> = digits.chars().collect();
        let byte = |pair: &[char]| match *pair {
            [high, low] => Some((high.to_digit(16)? << 4 | low.to_digit(16)?) as u8),
            _ => None,
        };
        let Some(pattern) = pairs.chunks(2).map(byte).collect() else {
            return self.error(format!("'{digits}' is not pairs of hexadecimal digits"));
        };
        self.keyword("from")?;
        let from = self.number("an offset")?;
        self.keyword("to")?;
        let to = self.number("an offset")?;
        Ok(ProbeDef::Text(TextSearch { pattern, from, to, fold: self.eat_word("fold") }))
    }

    fn program(&mut self) -> Result<Program> {
        let mut program = Program::new();
        while *self.peek() != Token::End && self.peek_word() != Some("contents") {
            let at = self.at();
            let Some(word) = self.peek_word().map(str::to_owned) else {
                return self.expected(
                    "a state, table, object, probe, chain, rule, counter, list, entry or function",
                );
            };
            self.advance();
            let in_order = |number: u32, next: usize| match number as usize == next {
                true => Ok(()),
                false => Err(ParseError::new(at, format!("'{word}' is out of order"))),
            };
            if word == "entry" {
                let entry = self.entry()?;
                program.entries.push(entry);
            } else if let Some(number) = entity(&word, "state") {
                in_order(number, program.states.len())?;
                self.punct("=")?;
                let state = self.state_def()?;
                program.states.push(state);
            } else if let Some(number) = entity(&word, "table") {
                in_order(number, program.tables.len())?;
                self.punct("=")?;
                let table = self.table_def()?;
                program.tables.push(table);
            } else if let Some(number) = entity(&word, "object") {
                in_order(number, program.objects.len())?;
                self.punct("=")?;
                let object = self.object_def()?;
                program.objects.push(object);
            } else if let Some(number) = entity(&word, "probe") {
                in_order(number, program.probes.len())?;
                self.punct("=")?;
                let definition = self.probe_definition()?;
                program.probes.push(definition);
            } else if let Some(number) = entity(&word, "chain") {
                in_order(number, program.chains.len())?;
                self.punct("=")?;
                let chain = self.chain_data()?;
                program.chains.push(chain);
            } else if let Some(number) = entity(&word, "rule") {
                in_order(number, program.rules.len())?;
                self.punct("=")?;
                let rule = self.rule_data()?;
                program.rules.push(rule);
            } else if let Some(number) = entity(&word, "counter") {
                in_order(number, program.counters.len())?;
                self.punct("=")?;
                let mut def = CounterDef::only(self.rule()?);
                if self.eat_word("number") {
                    def.number = self.number("a number of counters")?;
                }
                if self.eat_word("name") {
                    def.name = Some(self.string("a name")?.into());
                }
                program.counters.push(def);
            } else if let Some(number) = entity(&word, "counters") {
                in_order(number, program.counter_lists.len())?;
                self.punct("=")?;
                let list = self.list(Self::counter)?;
                program.counter_lists.push(list);
            } else if let Some(number) = entity(&word, "rules") {
                in_order(number, program.rule_lists.len())?;
                self.punct("=")?;
                let list = self.list(Self::rule)?;
                program.rule_lists.push(list);
            } else if let Some(number) = entity(&word, "fn") {
                in_order(number, program.funcs.len())?;
                let function = self.function()?;
                program.funcs.push(function.into());
            } else {
                let message =
                    "expected a state, table, object, probe, chain, rule, counter, list, entry or function".to_owned();
                return Err(ParseError::new(at, format!("{message}, found '{word}'")));
            }
        }
        for &(at, reference) in &self.references {
            let (there, name) = match reference {
                Reference::Chain(chain) => (program.chains.is_valid(chain), chain.to_string()),
                Reference::Rule(rule) => (program.rules.is_valid(rule), rule.to_string()),
                Reference::Rules(list) => (program.rule_lists.is_valid(list), list.to_string()),
                Reference::Counter(counter) => {
                    (program.counters.is_valid(counter), counter.to_string())
                }
                Reference::Counters(list) => {
                    (program.counter_lists.is_valid(list), list.to_string())
                }
                Reference::State(state) => (program.states.is_valid(state), state.to_string()),
                Reference::Table(table) => (program.tables.is_valid(table), table.to_string()),
                Reference::Object(object) => (program.objects.is_valid(object), object.to_string()),
                Reference::Probe(probe) => (program.probes.is_valid(probe), probe.to_string()),
                Reference::Func(func) => (program.funcs.is_valid(func), func.to_string()),
            };
            if !there {
                return Err(ParseError::new(at, format!("{name} is not defined")));
            }
        }
        Ok(program)
    }

    /// One or more things, with commas between them.
    fn list<T>(&mut self, one: impl Fn(&mut Self) -> Result<T>) -> Result<Box<[T]>> {
        let mut list = vec![one(self)?];
        while self.eat(",") {
            list.push(one(self)?);
        }
        Ok(list.into())
    }

    fn chain_data(&mut self) -> Result<ChainData> {
        let family = self.word("a family")?;
        let table = self.string("a table")?;
        let name = self.string("a chain's name")?;
        let hook = if self.eat_word("hook") { Some(self.word("a hook")?) } else { None };
        Ok(ChainData { family, table, name, hook })
    }

    fn entry(&mut self) -> Result<Entry> {
        let hook = self.word("a hook")?;
        let family = self.word("a family")?;
        self.punct(":")?;
        let mut chains = Vec::new();
        if self.peek_word().is_some_and(|word| entity(word, "fn").is_some())
            && !matches!(self.tokens.get(self.next + 1), Some((Token::Text(_), _)))
        {
            chains = self.list(Self::base_chain)?.into();
        }
        Ok(Entry { hook, family, chains })
    }

    fn base_chain(&mut self) -> Result<BaseChain> {
        let func = self.func()?;
        let mut priority = 0;
        if self.eat_word("priority") {
            let is_negative = self.eat("-");
            let at = self.at();
            let number: u32 = self.number("a priority")?;
            let number = if is_negative { -i64::from(number) } else { number.into() };
            priority = i32::try_from(number)
                .map_err(|_| ParseError::new(at, format!("{number} is no priority")))?;
        }
        let walk = match self.eat_word("to-ah") {
            true => Walk::ToAuthentication,
            false => Walk::Through,
        };
        Ok(BaseChain { priority, func, walk })
    }

    fn rule_data(&mut self) -> Result<RuleData> {
        let chain = self.chain()?;
        let kind = if self.eat_word("policy") {
            RuleKind::Policy
        } else if self.eat_word("end") {
            RuleKind::End(self.number("a number behind the last rule's")?)
        } else {
            self.keyword("number")?;
            RuleKind::Rule(self.number("a rule's number")?)
        };
        let is_final = self.eat_word("final");
        let span = if self.eat_word("span") {
            let file = FileId(self.number("a file's number")?);
            self.punct(":")?;
            let start = self.number("an offset")?;
            self.punct("..")?;
            Some(Span { file, start, end: self.number("an offset")? })
        } else {
            None
        };
        Ok(RuleData { chain, kind, is_final, span })
    }
}
