//! Replacing whole arrays, the additive Subscriptions API, and static lists.

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, accepted};
use crate::body::Fields;
use crate::call::Call;
use crate::project::{Group, Membership, Move, PersonRef, Project, Replacement};
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::switches::SubscriptionsApi;

pub(super) fn update(project: &mut Project, call: &Call<'_>) -> Answer {
    project.replace_subscriptions(&replacement(&Fields::of(call.body())?)?)?;
    Ok(Reply::success())
}

fn replacement(fields: &Fields<'_>) -> Result<Replacement, Refusal> {
    Ok(Replacement {
        email: fields.text("email")?.map(str::to_owned),
        user_id: fields.text("userId")?.map(str::to_owned),
        lists: fields.integers("emailListIds")?,
        unsubscribed_channels: fields.integers("unsubscribedChannelIds")?,
        unsubscribed_message_types: fields.integers("unsubscribedMessageTypeIds")?,
        subscribed_message_types: fields.integers("subscribedMessageTypeIds")?,
        validate_alignment: fields.bool("validateChannelAlignment")?.unwrap_or(true),
        campaign: fields.integer("campaignId")?,
        template: fields.integer("templateId")?,
    })
}

pub(super) fn bulk_update(project: &mut Project, call: &Call<'_>) -> Answer {
    const NAME: &str = "updateSubscriptionsRequests";
    let fields = Fields::of(call.body())?;
    let requests = fields.required(NAME, fields.objects(NAME)?)?;
    let requests: Vec<Replacement> = requests.iter().map(replacement).collect::<Result<_, _>>()?;
    let (mut successes, mut tally) = (0, Tally::default());
    for request in &requests {
        match project.replace_subscriptions(request) {
            Ok(()) => successes += 1,
            Err(refusal) => {
                let person = PersonRef::new(request.email.as_ref(), request.user_id.as_ref());
                tally.fail(&refusal, person);
            }
        }
    }
    Ok(Reply::ok(&json!({
        "successCount": successes,
        "failCount": requests.len() - successes,
        "invalidEmails": tally.invalid_emails,
        "invalidUserIds": tally.invalid_user_ids,
        "validEmailFailures": tally.failed_emails,
        "validUserIdFailures": tally.failed_user_ids,
    })))
}

/// The people whose change failed, by the identifier given.
#[derive(Default)]
struct Tally {
    invalid_emails: Vec<String>,
    invalid_user_ids: Vec<String>,
    failed_emails: Vec<String>,
    failed_user_ids: Vec<String>,
}

impl Tally {
    fn fail(&mut self, refusal: &Refusal, person: PersonRef<'_>) {
        let PersonRef { email, user_id } = person;
        let list = match refusal {
            Refusal::InvalidEmail(_) => &mut self.invalid_emails,
            Refusal::InvalidUserId(_) => &mut self.invalid_user_ids,
            _ if email.is_some() => &mut self.failed_emails,
            _ => &mut self.failed_user_ids,
        };
        list.extend(email.or(user_id).map(str::to_owned));
    }
}

pub(super) fn join(project: &mut Project, call: &Call<'_>) -> Answer {
    move_one(project, call, PersonRef::email(call.blank(2)), Move::Join)
}

pub(super) fn leave(project: &mut Project, call: &Call<'_>) -> Answer {
    move_one(project, call, PersonRef::email(call.blank(2)), Move::Leave)
}

pub(super) fn join_by_user_id(project: &mut Project, call: &Call<'_>) -> Answer {
    move_one(project, call, PersonRef::user_id(call.blank(2)), Move::Join)
}

pub(super) fn leave_by_user_id(project: &mut Project, call: &Call<'_>) -> Answer {
    move_one(project, call, PersonRef::user_id(call.blank(2)), Move::Leave)
}

fn move_one(project: &mut Project, call: &Call<'_>, person: PersonRef<'_>, direction: Move) -> Answer {
    let item = item(project, call)?;
    project.move_one(person, item, direction)?;
    Ok(moved(project))
}

pub(super) fn move_many(project: &mut Project, call: &Call<'_>) -> Answer {
    let item = item(project, call)?;
    let direction = match call.parameter("action").as_deref() {
        Some("subscribe") => Move::Join,
        Some("unsubscribe") => Move::Leave,
        _ => return Err(Refusal::BadParams("action must be subscribe or unsubscribe".to_owned())),
    };
    let fields = Fields::of(call.body())?;
    let emails = fields.texts("users")?.unwrap_or_default();
    let ids = fields.texts("usersByUserId")?.unwrap_or_default();
    for email in &emails {
        project.move_one(PersonRef::email(email), item, direction)?;
    }
    for id in &ids {
        project.move_one(PersonRef::user_id(id), item, direction)?;
    }
    Ok(moved(project))
}

/// Returns the item that a path names. The group may be in any case.
fn item(project: &Project, call: &Call<'_>) -> Result<Membership, Refusal> {
    if project.switches.subscriptions_api == SubscriptionsApi::Off {
        return Err(Refusal::FeatureOff { project: project.id });
    }
    let group = match call.blank(0).to_lowercase().as_str() {
        "emaillist" => Group::List,
        "messagetype" => Group::MessageType,
        "messagechannel" => Group::Channel,
        other => return Err(Refusal::BadParams(format!("Invalid subscription group: {other}"))),
    };
    let id =
        call.blank(1).parse().map_err(|_| Refusal::BadParams("Invalid subscription group id".to_owned()))?;
    Ok(group.of(id))
}

fn moved(project: &Project) -> Reply {
    match project.switches.subscriptions_api {
        SubscriptionsApi::Empty202 => accepted(),
        SubscriptionsApi::Accepted => Reply::envelope(StatusCode::OK, "Accepted", "", Value::Null),
        SubscriptionsApi::Success | SubscriptionsApi::Off => Reply::success(),
    }
}

pub(super) fn double_opt_in(project: &mut Project, call: &Call<'_>) -> Answer {
    if project.switches.subscriptions_api == SubscriptionsApi::Off {
        return Err(Refusal::FeatureOff { project: project.id });
    }
    let fields = Fields::of(call.body())?;
    fields.required("messageTypeIds", fields.integers("messageTypeIds")?)?;
    Ok(Reply::text(StatusCode::ACCEPTED, "Request for double opt-in subscription accepted"))
}

pub(super) fn list_subscribe(project: &mut Project, call: &Call<'_>) -> Answer {
    move_on_list(project, call, Move::Join)
}

pub(super) fn list_unsubscribe(project: &mut Project, call: &Call<'_>) -> Answer {
    move_on_list(project, call, Move::Leave)
}

/// Adds or removes subscribers. A forgotten one fails the whole call; an invalid one is only counted.
fn move_on_list(project: &mut Project, call: &Call<'_>, direction: Move) -> Answer {
    let fields = Fields::of(call.body())?;
    let list = fields.required("listId", fields.integer("listId")?)?;
    let subscribers = fields.required("subscribers", fields.objects("subscribers")?)?;
    let (mut successes, mut tally) = (0, Tally::default());
    for subscriber in &subscribers {
        let person = PersonRef { email: subscriber.text("email")?, user_id: subscriber.text("userId")? };
        match project.move_on_list(person, list, direction) {
            Ok(()) => successes += 1,
            Err(refusal @ (Refusal::Forgotten | Refusal::NoSuchList { .. })) => return Err(refusal),
            Err(refusal) => tally.fail(&refusal, person),
        }
    }
    tally.invalid_emails.append(&mut tally.failed_emails);
    tally.invalid_user_ids.append(&mut tally.failed_user_ids);
    Ok(Reply::ok(&json!({
        "successCount": successes,
        "failCount": subscribers.len() - successes,
        "invalidEmails": tally.invalid_emails,
        "invalidUserIds": tally.invalid_user_ids,
    })))
}
