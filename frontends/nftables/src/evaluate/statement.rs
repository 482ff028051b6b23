//! Statements to steps.

use super::context::{Context, Expect, StepKind};
use super::element::Yields;
use super::typed::{Kind, fits};
use super::{Evaluated, error};
use crate::datatype::VERDICT;
use crate::model::{Expression, LogFlags, Operation, Set, SetName, Verdict};
use crate::syntax::ast::{Expr, ExprKind, ItemOptions, Log, Statement, StatementKind};
use bpfc_diag::{Code, Span};

impl Context<'_> {
    /// Whether nothing may follow the statement.
    pub(super) fn statement(&mut self, statement: &Statement) -> Evaluated<bool> {
        let span = statement.span;
        self.statement_bits = 0;
        self.inner = None;
        self.is_payload_statement = false;
        self.expect = Expect::default();
        let mut is_last = false;
        match &statement.kind {
            StatementKind::Match { left, op, right } => self.relation(left, *op, right, span)?,
            StatementKind::Verdict(verdict) => {
                let typed = self.verdict(verdict, span)?;
                is_last = !matches!(typed.kind, Kind::Verdict(Verdict::Continue));
                self.step(StepKind::Decide(typed), span);
            }
            StatementKind::VerdictMap { key, map } => {
                let (key, map) = self.mapping(key, map, Yields::Verdicts)?;
                let kind = Kind::Map { key: Box::new(key), map };
                let typed = super::typed::Typed {
                    kind,
                    datatype: &VERDICT,
                    order: crate::datatype::Order::Unknown,
                    bits: 0,
                    span,
                };
                self.step(StepKind::Decide(typed), span);
            }
            StatementKind::Assign { target, value } => self.assign(target, value, span)?,
            StatementKind::Log(log) => {
                let operation = self.log(log, span)?;
                self.step(StepKind::Plain(operation), span);
            }
            StatementKind::Reject(with) => {
                self.reject(with.as_ref(), span)?;
                is_last = true;
            }
            StatementKind::Object { kind, name } => match &name.kind {
                ExprKind::Map(key, map) => {
                    let (key, map) = self.mapping(key, map, Yields::Objects(*kind))?;
                    self.step(StepKind::ObjectMap { key, map }, span);
                }
                _ => {
                    let object = self.object_name(*kind, name)?;
                    self.step(StepKind::Object { kind: *kind, name: object }, span);
                }
            },
            StatementKind::UpdateSet { op, set, key, options, data, statements } => {
                self.update_set(*op, set, key, options, data.as_ref(), statements, span)?;
            }
            StatementKind::Meter { name, size, key, options, statement } => {
                self.meter(&name.text, *size, key, options, statement, span)?;
            }
            StatementKind::StripOption { number } => {
                let operation = Operation::ExtensionReset { number: *number };
                self.step(StepKind::Plain(operation), span);
            }
            StatementKind::Chain { .. } => {
                return Err(error(Code::NFT_STATEMENT, span, "a chain cannot stand here"));
            }
            StatementKind::Outside(class) => {
                self.outside(class, span)?;
                is_last = true;
            }
            _ => {
                let expression = self.stateful(statement)?;
                self.step(StepKind::Plain(expression.operation), span);
            }
        }
        Ok(is_last)
    }

    /// What is not filtering stays in the rule: the kernel may have to do it.
    pub(super) fn outside(&mut self, class: &'static str, span: Span) -> Evaluated<()> {
        self.step(StepKind::Plain(Operation::Outside { class }), span);
        Ok(())
    }

    /// A statement with a state.
    pub(super) fn stateful(&mut self, statement: &Statement) -> Evaluated<Expression> {
        let operation = match &statement.kind {
            StatementKind::Counter { packets, bytes } => {
                Operation::Counter { packets: *packets, bytes: *bytes }
            }
            StatementKind::Limit { rate, seconds, burst, is_bytes, is_over } => {
                let default = if *is_bytes { 0 } else { 5 };
                Operation::Limit {
                    rate: *rate,
                    seconds: *seconds,
                    burst: burst.unwrap_or(default),
                    is_bytes: *is_bytes,
                    is_over: *is_over,
                }
            }
            StatementKind::Quota { bytes, used, is_over } => {
                Operation::Quota { bytes: *bytes, used: *used, is_over: *is_over }
            }
            StatementKind::Last { used } => Operation::Last { used: *used },
            StatementKind::Connlimit { count, is_over } => {
                Operation::Connlimit { count: *count, is_over: *is_over }
            }
            _ => {
                let message = "only counter, limit, quota, last and ct count can stand here";
                return Err(error(Code::NFT_STATEMENT, statement.span, message));
            }
        };
        Ok(Expression { operation, span: Some(statement.span) })
    }

    fn log(&mut self, log: &Log, span: Span) -> Evaluated<Operation> {
        let to_group = log.group.is_some() || log.snaplen.is_some() || log.threshold.is_some();
        let wrong = |message: &str| Err(error(Code::NFT_STATEMENT, span, message));
        if to_group && log.level.is_some() {
            return wrong("a log goes to a group or has a level, not both");
        }
        if to_group && log.flags != LogFlags::default() {
            return wrong("a log goes to a group or has flags, not both");
        }
        if let Some(prefix) = &log.prefix {
            if prefix.is_empty() {
                return wrong("the prefix of a log is not empty");
            }
            if bpfc_abi::raw::length(prefix) >= 128 {
                return wrong("the prefix of a log has 127 characters at most");
            }
        }
        Ok(Operation::Log {
            prefix: log.prefix.clone(),
            group: log.group.or(to_group.then_some(0)),
            snaplen: log.snaplen.unwrap_or(0),
            threshold: log.threshold.unwrap_or(0),
            level: log.level,
            flags: log.flags,
        })
    }

    fn object_name(&mut self, kind: crate::model::ObjectKind, name: &Expr) -> Evaluated<String> {
        let mut value = name;
        while let ExprKind::Variable(inner) = &value.kind {
            value = inner;
        }
        let ExprKind::Symbol(text) = &value.kind else {
            return Err(error(Code::NFT_TYPE, name.span, "this is not the name of an object"));
        };
        if self.table.object(kind, text).is_none() {
            let message = format!("the table has no {} `{text}`", kind.name());
            let mut diagnostic = error(Code::NFT_UNKNOWN, name.span, message);
            let same = self.table.objects.iter().filter(|object| object.kind == kind);
            let near = crate::nearest::nearest(text, same.map(|object| object.name.as_str()));
            diagnostic.help = near.map(|near| format!("did you mean \"{near}\"?"));
            return Err(diagnostic);
        }
        Ok(text.clone())
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one statement")]
    fn update_set(
        &mut self,
        op: crate::model::SetOperation,
        set: &Expr,
        key: &Expr,
        options: &ItemOptions,
        data: Option<&Expr>,
        statements: &[Statement],
        span: Span,
    ) -> Evaluated<()> {
        let target = self.expression(set)?;
        let Kind::SetRef { name: SetName::Named(name), key: parts, .. } = target.kind else {
            return Err(error(Code::NFT_TYPE, set.span, "this is not a set"));
        };
        if options.comment.is_some() {
            let message = "an element that a rule adds has no comment";
            return Err(error(Code::NFT_STATEMENT, span, message));
        }
        let mut typed = self.expression(key)?;
        if matches!(typed.kind, Kind::Set(_) | Kind::SetRef { .. } | Kind::Verdict(_)) {
            return Err(error(Code::NFT_TYPE, key.span, "this is not a key of a set"));
        }
        self.check_key(&parts, &typed)?;
        if let [part] = parts.as_slice()
            && part.datatype.name == "mark"
            && !typed.is_constant()
        {
            self.convert(&mut typed, part.order)?;
        }
        let mut value = None;
        if let Some(data) = data {
            let held = self.named_set(&name, set.span)?.data.clone();
            if held.is_empty() {
                let message = format!("`{name}` is not a map that yields values");
                return Err(error(Code::NFT_TYPE, set.span, message));
            }
            self.expect = Expect::parts(held.clone());
            let typed = self.expression(data)?;
            if !fits(&held, &typed.parts()) {
                return Err(self.mismatch(&held, &typed));
            }
            value = Some(typed);
        }
        let mut expressions = Vec::new();
        for statement in statements {
            expressions.push(self.stateful(statement)?);
        }
        if let Some(set) = self.table.sets.iter_mut().find(|set| set.name == name) {
            set.flags.dynamic = true;
        }
        let step = StepKind::UpdateSet {
            op,
            set: SetName::Named(name),
            key: typed,
            data: value,
            timeout: options.timeout.filter(|timeout| *timeout > 0),
            expressions,
        };
        self.step(step, span);
        Ok(())
    }

    /// A meter is a set that its rule makes and fills.
    fn meter(
        &mut self,
        name: &str,
        size: Option<u32>,
        key: &Expr,
        options: &ItemOptions,
        statement: &Statement,
        span: Span,
    ) -> Evaluated<()> {
        let typed = self.expression(key)?;
        if typed.is_constant() {
            return Err(error(Code::NFT_TYPE, key.span, "the key of a meter is not constant"));
        }
        let expression = self.stateful(statement)?;
        match self.table.set(name) {
            Some(set) if set.is_map() || !set.flags.dynamic => {
                let message = format!("`{name}` is a {} already", set.noun());
                return Err(error(Code::NFT_EXISTS, span, message));
            }
            Some(set) => {
                let parts = set.key.clone();
                self.check_key(&parts, &typed)?;
            }
            None => {
                let mut set = Set::new(name, typed.parts());
                set.flags.dynamic = true;
                set.flags.timeout = options.timeout.is_some();
                set.size = size;
                set.span = Some(span);
                self.table.sets.push(set);
            }
        }
        let op = match options.timeout {
            Some(_) => crate::model::SetOperation::Update,
            None => crate::model::SetOperation::Add,
        };
        let step = StepKind::UpdateSet {
            op,
            set: SetName::Named(name.to_owned()),
            key: typed,
            data: None,
            timeout: options.timeout,
            expressions: vec![expression],
        };
        self.step(step, span);
        Ok(())
    }
}
