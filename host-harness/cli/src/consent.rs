//! `consent`: applies a person's consent choices at the vendor.

use std::{str::FromStr, time::SystemTime};

use clap::Args;
use serde_json::json;

use super::{
    client::Client,
    exit::Exit,
    failure::Failure,
    follow::Submitting,
    output::{CommandOutput, coloured, detail},
    person::{Person, identity},
    rehearsal::Rehearsal,
    session::Session,
    words,
};
use host_api::types::{
    chosen_at::ChosenAt,
    consent::{
        Answer, Change, ConnectorReport, ConsentRequest, NewItemPreference, NoticePreference, Preferences,
        Standing,
    },
};
use host_model::{
    consent::Cause,
    contract::consent::{Choice, ItemId, Preference},
};

#[derive(Debug, Args)]
pub(super) struct ConsentCommand {
    /// The connection's key in the configuration.
    connection: String,
    #[command(flatten)]
    person: Person,
    #[command(flatten)]
    chosen: ChoiceArgs,
    /// When the person chose, such as 2026-01-31T12:00:00Z [default: now].
    #[arg(long, value_name = "TIME")]
    chosen_at: Option<jiff::Timestamp>,
    /// Where the person chose, such as the name of a form.
    #[arg(long, default_value = "connector-host")]
    source: String,
    /// With --server: the `cause` of the feed event that the choices about notices were derived from.
    #[arg(long, requires = "notice")]
    cause: Option<Cause>,
    /// Show the requests that would change something, without sending them.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    submitting: Submitting,
}

/// What was chosen.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct ChoiceArgs {
    /// Opt the person in to this item, as KIND:ID; see `items`. May be given several times.
    #[arg(long, value_name = "ITEM")]
    opt_in: Vec<ItemId>,
    /// Opt the person out of this item, as KIND:ID. May be given several times.
    #[arg(long, value_name = "ITEM")]
    opt_out: Vec<ItemId>,
    /// With --server: the person's answer to a notice, named by its id or key: opt-in, opt-out, acknowledge or tcf. May
    /// be given several times.
    #[arg(long, value_name = "NOTICE=ANSWER")]
    notice: Vec<NoticeAnswerArg>,
}

/// The answer to one notice.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NoticeAnswerArg {
    notice: String,
    answer: Answer,
}

impl FromStr for NoticeAnswerArg {
    type Err = &'static str;

    fn from_str(typed: &str) -> Result<Self, Self::Err> {
        let expected = "expected NOTICE=ANSWER, such as marketing=opt-out; the answers are opt-in, opt-out, acknowledge, tcf";
        let (notice, answer) = typed.rsplit_once('=').filter(|(id, _)| !id.is_empty()).ok_or(expected)?;
        let answer = match answer {
            "opt-in" => Answer::OptIn,
            "opt-out" => Answer::OptOut,
            "acknowledge" => Answer::Acknowledge,
            "tcf" => Answer::Tcf,
            _ => return Err(expected),
        };
        Ok(Self { notice: notice.to_owned(), answer })
    }
}

impl ConsentCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let chosen_at_ms = self.chosen_at_ms()?;
        let preferences = self.chosen.preferences(&self.source, chosen_at_ms)?;
        if let Some(client) = session.remote()? {
            return self.remotely(session, &client, preferences).await;
        }
        self.submitting.alone()?;
        if !self.chosen.notice.is_empty() {
            return Err(Failure::misused("--notice requires a service: name one with --server"));
        }
        let subject = self.person.subject(&session.console)?;
        let calls = session.calls(&self.connection).await?;
        if self.dry_run {
            let (rehearsal, calls) = Rehearsal::of(calls, session);
            let report = session.ask(&calls, calls.apply(&subject, &preferences)).await;
            return rehearsal
                .with_requests(report.map(|report| output(&self.connection, &preferences, &report.into())));
        }
        let report = session.ask(&calls, calls.apply(&subject, &preferences)).await?;
        Ok(output(&self.connection, &preferences, &report.into()))
    }

    async fn remotely(
        self,
        session: &Session,
        client: &Client,
        items: Vec<Preference>,
    ) -> Result<CommandOutput, Failure> {
        if self.dry_run {
            return Err(Failure::misused("--dry-run cannot be combined with --server: nothing was sent"));
        }
        let identity = identity(&self.person.subject(&session.console)?)?;
        // Without a time, the service uses that of arrival, so that a repeat under the same key is the same request.
        let chosen_at = match self.chosen_at {
            Some(_) => Some(ChosenAt { ms: self.chosen_at_ms()? }),
            None => None,
        };
        let (cause, source) = (self.cause, self.source);
        let notices = self.chosen.notice.into_iter().map(|NoticeAnswerArg { notice, answer }| {
            let (cause, source) = (cause.clone(), source.clone());
            NoticePreference { notice, preference: answer, chosen_at, source, cause }
        });
        let preferences = Preferences {
            notices: notices.collect(),
            items: items.into_iter().map(|chosen| new_preference(chosen, chosen_at)).collect(),
        };
        let body = ConsentRequest { identity, preferences, callback: self.submitting.callback() };
        self.submitting.submit(session, client, &["connection", &self.connection, "consent"], &body).await
    }

    fn chosen_at_ms(&self) -> Result<u64, Failure> {
        let at = self.chosen_at.map_or_else(|| jiff::Timestamp::try_from(SystemTime::now()), Ok);
        let at = at.map_err(Failure::misused)?.as_millisecond();
        u64::try_from(at).map_err(|_| Failure::misused("--chosen-at: expected a time since 1970"))
    }
}

fn new_preference(chosen: Preference, chosen_at: Option<ChosenAt>) -> NewItemPreference {
    let Preference { item, choice, source, .. } = chosen;
    NewItemPreference { item: item.into(), choice: choice.into(), chosen_at, source }
}

impl ChoiceArgs {
    /// One preference for each item. An item that is both opted in and out is refused, since a guess could lose an
    /// opt-out. The same applies to notices.
    fn preferences(&self, source: &str, chosen_at_ms: u64) -> Result<Vec<Preference>, Failure> {
        if let Some(both) = self.opt_in.iter().find(|item| self.opt_out.contains(item)) {
            return Err(Failure::misused(format!(
                "{both} is given to --opt-in and to --opt-out: choose one"
            )));
        }
        let twice = |one: &NoticeAnswerArg| {
            self.notice.iter().any(|other| other.notice == one.notice && other.answer != one.answer)
        };
        if let Some(NoticeAnswerArg { notice, .. }) = self.notice.iter().find(|one| twice(one)) {
            return Err(Failure::misused(format!("--notice: {notice} has two answers: choose one")));
        }
        let ins = self.opt_in.iter().map(|item| (item, Choice::OptIn));
        let outs = self.opt_out.iter().map(|item| (item, Choice::OptOut));
        let mut preferences: Vec<Preference> = Vec::new();
        for (item, choice) in ins.chain(outs) {
            if !preferences.iter().any(|known| known.item == *item) {
                let (item, source) = (item.clone(), source.to_owned());
                preferences.push(Preference { item, choice, chosen_at_ms, source });
            }
        }
        Ok(preferences)
    }
}

fn output(connection: &str, preferences: &[Preference], report: &ConnectorReport) -> CommandOutput {
    let standing = standing(report);
    let answer = match standing {
        Some(Standing::Known) => "the vendor knew this person",
        Some(Standing::Created) => "the vendor did not know this person, who was created",
        Some(Standing::Forgotten) => "the vendor has erased this person and will not accept them again",
        None => "no choice was applied",
    };
    let mut lines = vec![format!("connection {connection}: {answer}")];
    for (preference, item) in preferences.iter().zip(&report.items) {
        let (word, tone) = match item.change {
            Change::Applied => ("applied  ", Exit::Done),
            Change::Unchanged => ("unchanged", Exit::Done),
            Change::Pending => ("pending  ", Exit::Unproven),
            Change::Refused => ("refused  ", Exit::Refused),
        };
        let (word, choice) = (coloured(word, tone), preference.choice);
        lines.push(format!("  {word}  {choice} {}{}", item.item, detail(&item.detail)));
    }
    lines.extend(next(report));
    let json = json!({
        "connection": connection,
        "standing": standing,
        "items": report.items,
        "settles_after_ms": report.settles_after_ms,
    });
    CommandOutput { people: lines.join("\n"), json, exit: Exit::from(report) }
}

/// Whether the vendor knows the person. `None` if that is unknown: a connector that refuses every choice itself does
/// not ask the vendor, but reports `known` anyway.
fn standing(report: &ConnectorReport) -> Option<Standing> {
    let is_all_refused = report.items.iter().all(|item| item.change == Change::Refused);
    (report.standing != Standing::Known || !is_all_refused).then_some(report.standing)
}

/// Only the operator can space out a person's calls across several runs of this program.
fn next(report: &ConnectorReport) -> Option<String> {
    let wait = words::duration(report.settles_after_ms?);
    let is_pending = report.items.iter().any(|item| item.change == Change::Pending);
    let again = if is_pending { "; then repeat this one for the pending choices" } else { "" };
    Some(format!(
        "next: wait {wait} before the next `consent` for this person; the vendor does not show these choices sooner, and a \
         consent that does not see them could undo them{again}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::plain;
    use host_api::types::{consent::ItemReport, item::Item};

    fn chosen(opt_in: &[&str], opt_out: &[&str]) -> ChoiceArgs {
        let items = |ids: &[&str]| ids.iter().map(|id| id.parse().unwrap()).collect();
        ChoiceArgs { opt_in: items(opt_in), opt_out: items(opt_out), notice: vec![] }
    }

    fn preferences(opt_in: &[&str], opt_out: &[&str]) -> Result<Vec<Preference>, Failure> {
        chosen(opt_in, opt_out).preferences("test", 1_234)
    }

    fn item(id: &str, change: Change, detail: &str) -> ItemReport {
        let item: ItemId = id.parse().unwrap();
        ItemReport { item: Item::from(item), change, detail: detail.into() }
    }

    #[test]
    fn each_item_is_one_preference_made_now() {
        let made = preferences(&["channel:1", "channel:1"], &["message-type:2"]).unwrap();
        let told: Vec<_> =
            made.iter().map(|p| (p.item.to_string(), p.choice, p.chosen_at_ms, p.source.as_str())).collect();
        assert_eq!(
            told,
            [
                ("channel:1".to_owned(), Choice::OptIn, 1_234, "test"),
                ("message-type:2".to_owned(), Choice::OptOut, 1_234, "test")
            ]
        );
    }

    #[test]
    fn in_and_out_at_once_is_refused() {
        assert_eq!(
            preferences(&["channel:1"], &["channel:1"]).unwrap_err().people(),
            "error: channel:1 is given to --opt-in and to --opt-out: choose one"
        );
    }

    #[test]
    fn a_notice_is_answered_in_one_way() {
        let answer = |typed: &str| typed.parse::<NoticeAnswerArg>();
        assert_eq!(
            answer("n=1=opt-out"),
            Ok(NoticeAnswerArg { notice: "n=1".into(), answer: Answer::OptOut })
        );
        for wrong in ["marketing", "=opt-in", "marketing=yes", "marketing="] {
            assert!(answer(wrong).unwrap_err().starts_with("expected NOTICE=ANSWER"), "{wrong}");
        }
        let notice = |answers: &[&str]| ChoiceArgs {
            notice: answers.iter().map(|typed| answer(typed).unwrap()).collect(),
            ..chosen(&[], &[])
        };
        assert!(notice(&["a=opt-in", "b=opt-out", "a=opt-in"]).preferences("test", 1).is_ok());
        assert_eq!(
            notice(&["a=opt-in", "a=opt-out"]).preferences("test", 1).unwrap_err().people(),
            "error: --notice: a has two answers: choose one"
        );
    }

    #[test]
    fn a_report_says_what_became_of_each_choice_and_when_the_next_may_come() {
        let preferences = preferences(&["channel:1"], &["message-type:2"]).unwrap();
        let report = ConnectorReport {
            items: vec![
                item("channel:1", Change::Applied, ""),
                item("message-type:2", Change::Pending, "not shown yet"),
            ],
            standing: Standing::Created,
            settles_after_ms: Some(60_000),
        };
        let shown = output("newsletter", &preferences, &report);
        assert_eq!(
            plain(&shown.people),
            "connection newsletter: the vendor did not know this person, who was created\n  \
             applied    opt-in channel:1\n  \
             pending    opt-out message-type:2: not shown yet\n\
             next: wait 1 minute before the next `consent` for this person; the vendor does not show these choices sooner, and a \
             consent that does not see them could undo them; then repeat this one for the pending choices"
        );
        assert_eq!(
            shown.json,
            json!({
                "connection": "newsletter",
                "standing": "created",
                "items": [
                    {"item": {"kind": "channel", "id": "1"}, "change": "applied", "detail": ""},
                    {"item": {"kind": "message-type", "id": "2"}, "change": "pending", "detail": "not shown yet"},
                ],
                "settles_after_ms": 60_000,
            })
        );
        assert_eq!(shown.exit, Exit::Unproven);
    }

    #[test]
    fn whether_the_vendor_knew_a_person_is_not_said_if_it_may_not_have_been_asked() {
        let preferences = preferences(&["channel:1"], &["channel:2"]).unwrap();
        let mut report = ConnectorReport {
            items: vec![
                item("channel:1", Change::Refused, "no such channel"),
                item("channel:2", Change::Refused, "no such channel"),
            ],
            standing: Standing::Known,
            settles_after_ms: None,
        };
        let refused = output("newsletter", &preferences, &report);
        assert!(
            refused.people.starts_with("connection newsletter: no choice was applied\n"),
            "{}",
            refused.people
        );
        assert_eq!(refused.json["standing"], json!(null));
        report.items[1].change = Change::Unchanged;
        let known = output("newsletter", &preferences, &report);
        assert!(
            known.people.starts_with("connection newsletter: the vendor knew this person\n"),
            "{}",
            known.people
        );
        assert_eq!(known.json["standing"], json!("known"));
    }

    #[test]
    fn a_forgotten_person_is_refused() {
        let preferences = preferences(&["channel:1"], &[]).unwrap();
        let report = ConnectorReport {
            items: vec![item("channel:1", Change::Refused, "erased")],
            standing: Standing::Forgotten,
            settles_after_ms: None,
        };
        let shown = output("newsletter", &preferences, &report);
        assert_eq!(
            plain(&shown.people),
            "connection newsletter: the vendor has erased this person and will not accept them again\n  \
             refused    opt-in channel:1: erased"
        );
        assert_eq!(shown.exit, Exit::Refused);
    }
}
