use std::time::Duration;

use connector_tests::{
    Project, ada,
    iterable::{FORGOTTEN, SETTLED},
};
use host_harness::contract::{
    ErrorKind, Subject,
    erasure::{ErasureStatus, PendingErasure},
};
use iterable_stand_in::{Fault, ForgetAgain, ForgetUnknown, ForgottenStatus, ProjectType, Switches};

const KINDS: [ProjectType; 3] = [ProjectType::Email, ProjectType::UserId, ProjectType::Hybrid];

#[tokio::test]
async fn an_erasure_is_accepted_and_later_proven_in_every_kind_of_project() {
    for kind in KINDS {
        let project = Project::new(kind, Switches::default()).await;
        project.stand_in.with_project(|p| p.seed(Some("ada@example.com"), Some("u-17"), None));
        project.pass(SETTLED);
        let receipt = project.erase(&ada(kind)).await.unwrap();
        assert_eq!(
            (receipt.status, receipt.confirm_after_ms),
            (ErasureStatus::Accepted, Some(660_000)),
            "{kind:?}"
        );
        assert_eq!(
            project.confirm(&ada(kind), &receipt).await.status,
            ErasureStatus::Accepted,
            "{kind:?}: nothing is proven yet"
        );
        project.pass(FORGOTTEN);
        let proof = project.confirm(&ada(kind), &receipt).await;
        assert_eq!(
            (proof.status, proof.confirm_after_ms),
            (ErasureStatus::Erased, None),
            "{kind:?}: {}",
            proof.evidence
        );
        assert!(project.is_forgotten(kind));
        assert!(!proof.evidence.contains("ada") && !proof.evidence.contains("u-17"), "{}", proof.evidence);
    }
}

#[tokio::test]
async fn a_forget_is_asked_for_every_identifier_that_the_project_uses() {
    for (kind, forgets) in KINDS.into_iter().zip([1, 1, 2]) {
        let project = Project::new(kind, Switches::default()).await;
        let everything = Subject::email("ada@example.com").and("user-id", "u-17").and("phone-number", "+100");
        project.erase(&everything).await.unwrap();
        assert_eq!(project.requested(), vec!["POST /api/users/forget"; forgets], "{kind:?}");
    }
}

#[tokio::test]
async fn erasing_twice_succeeds_before_and_after_it_took_effect() {
    for again in [ForgetAgain::Accepted, ForgetAgain::Refused] {
        for status in [ForgottenStatus::Status409, ForgottenStatus::Status400] {
            let switches = Switches { forget_again: again, forgotten_status: status, ..Switches::default() };
            let project = Project::new(ProjectType::Email, switches).await;
            project.stand_in.seed("ada@example.com", None);
            project.pass(SETTLED);
            let person = ada(ProjectType::Email);
            for _ in 0..2 {
                assert_eq!(project.erase(&person).await.unwrap().status, ErasureStatus::Accepted);
            }
            project.pass(FORGOTTEN);
            let receipt = project.erase(&person).await.unwrap();
            assert_eq!(
                project.confirm(&person, &receipt).await.status,
                ErasureStatus::Erased,
                "{again:?} {status:?}"
            );
        }
    }
}

#[tokio::test]
async fn an_unknown_person_is_reported_not_found_only_on_the_second_look() {
    let switches = Switches { forget_unknown: ForgetUnknown::Refused, ..Switches::default() };
    let project = Project::new(ProjectType::Email, switches).await;
    let person = ada(ProjectType::Email);
    let receipt = project.erase(&person).await.unwrap();
    assert_eq!(receipt.status, ErasureStatus::Accepted, "the index may lag behind");
    project.pass(SETTLED);
    assert_eq!(project.confirm(&person, &receipt).await.status, ErasureStatus::NotFound);
}

#[tokio::test]
async fn a_person_whom_only_the_index_did_not_know_yet_is_still_erased() {
    let switches = Switches { forget_unknown: ForgetUnknown::Refused, ..Switches::default() };
    let project = Project::new(ProjectType::Email, switches).await;
    // Just seeded: reads, and therefore `forget`, do not see the person for three seconds.
    project.stand_in.seed("ada@example.com", None);
    let person = ada(ProjectType::Email);
    let receipt = project.erase(&person).await.unwrap();
    project.pass(SETTLED);
    let again = project.confirm(&person, &receipt).await;
    assert_eq!(again.status, ErasureStatus::Accepted, "{}", again.evidence);
    project.pass(FORGOTTEN);
    assert_eq!(project.confirm(&person, &again).await.status, ErasureStatus::Erased);
}

#[tokio::test]
async fn an_invalid_identifier_is_rejected_without_being_repeated_anywhere() {
    let project = Project::new(ProjectType::Email, Switches::default()).await;
    let error = project.erase(&Subject::email("foo@")).await.unwrap_err();
    assert_eq!(
        (error.kind, error.code.as_str(), error.may_have_acted),
        (ErrorKind::Rejected, "InvalidEmailAddressError", false)
    );
    assert!(!error.message.contains("foo@"), "{}", error.message);
}

#[tokio::test]
async fn an_identifier_of_the_wrong_kind_for_the_project_says_which_setting_to_look_at() {
    let project = Project::with(ProjectType::UserId, Switches::default(), |spec| {
        spec.settings.insert("project-type".into(), "email".into());
    })
    .await;
    let error = project.erase(&ada(ProjectType::Email)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert!(error.message.contains("project-type"), "{}", error.message);
}

#[tokio::test]
async fn a_person_without_an_identifier_of_the_project_is_missing_identity_and_nothing_is_sent() {
    let project = Project::new(ProjectType::Email, Switches::default()).await;
    let error = project.erase(&Subject::default().and("phone-number", "+100")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::MissingIdentity);
    assert_eq!(project.requested(), [""; 0]);
}

#[tokio::test]
async fn an_erasure_that_was_sent_and_not_answered_may_have_happened_and_confirm_shows_it() {
    let project = Project::new(ProjectType::Email, Switches::default()).await;
    project.stand_in.seed("ada@example.com", None);
    project.pass(SETTLED);
    project.stand_in.fault(Fault::ResetAfterWrite, "POST /api/users/forget", 1);
    let person = ada(ProjectType::Email);
    let error = project.erase(&person).await.unwrap_err();
    assert_eq!((error.kind, error.may_have_acted), (ErrorKind::Unavailable, true));
    // The request is not repeated automatically.
    assert_eq!(project.requested(), ["POST /api/users/forget"]);
    project.pass(FORGOTTEN);
    let lost = PendingErasure { subject: person, reference: None };
    let receipts = project.calls.confirm(&[lost]).await.unwrap().unwrap();
    assert_eq!(receipts[0].status, ErasureStatus::Erased);
}

#[tokio::test]
async fn a_failing_vendor_never_makes_an_erasure() {
    let faults = [
        Fault::Garbage,
        Fault::Empty,
        Fault::BadSuccess,
        Fault::OtherCode("GenericError".into()),
        Fault::BadBody,
        Fault::RateLimited,
        Fault::Gateway(502),
        Fault::Gateway(503),
        Fault::InternalError("DatabaseError".into()),
        Fault::Reset,
        Fault::Redirect("http://192.0.2.1/".into()),
        Fault::Deep(10_000),
        Fault::Huge(2_000_000),
    ];
    for fault in faults {
        let project = Project::new(ProjectType::Email, Switches::default()).await;
        let name = format!("{fault:?}");
        project.stand_in.fault(fault, "*", u32::MAX);
        let person = ada(ProjectType::Email);
        match project.erase(&person).await {
            // A 200 whose body does not contradict it counts as accepted, but proves nothing.
            Ok(receipt) => assert_eq!(receipt.status, ErasureStatus::Accepted, "{name}"),
            Err(error) => assert!(!error.message.contains("ada@"), "{name}: {error}"),
        }
        let pending = PendingErasure { subject: person, reference: None };
        match project.calls.confirm(&[pending]).await.unwrap() {
            Ok(receipts) => {
                assert_eq!(receipts[0].status, ErasureStatus::Accepted, "{name}: {}", receipts[0].evidence);
            }
            Err(error) => assert!(!error.message.contains("ada@"), "{name}: {error}"),
        }
    }
}

#[tokio::test]
async fn the_list_of_the_forgotten_is_read_once_for_all_though_it_has_400_000_hashes() {
    let project = Project::new(ProjectType::Email, Switches::default()).await;
    let people: Vec<_> = (0..3).map(|n| Subject::email(format!("person{n}@example.com"))).collect();
    project.stand_in.with_project(|p| p.seed_forgotten(400_000));
    let mut pending = Vec::new();
    for person in &people {
        let receipt = project.erase(person).await.unwrap();
        pending.push(PendingErasure { subject: person.clone(), reference: receipt.reference });
    }
    project.pass(FORGOTTEN);
    project.stand_in.take_requests();
    let receipts = project.calls.confirm(&pending).await.unwrap().unwrap();
    assert!(receipts.iter().all(|receipt| receipt.status == ErasureStatus::Erased), "{receipts:?}");
    let reads = project.requested();
    assert_eq!(reads.iter().filter(|read| *read == "GET /api/users/forgotten").count(), 1, "{reads:?}");
    assert_eq!(reads.len(), 4, "{reads:?}");
}

#[tokio::test]
async fn a_list_that_outgrew_its_limit_proves_nothing_and_the_evidence_says_so() {
    let project = Project::with(ProjectType::Email, Switches::default(), |spec| {
        spec.policy.declared_response_cap = 1_000;
    })
    .await;
    project.stand_in.with_project(|p| p.seed_forgotten(100));
    let person = ada(ProjectType::Email);
    let receipt = project.erase(&person).await.unwrap();
    project.pass(FORGOTTEN);
    let receipt = project.confirm(&person, &receipt).await;
    assert_eq!((receipt.status, receipt.confirm_after_ms), (ErasureStatus::Accepted, None));
    assert_eq!(
        receipt.evidence,
        "email: the profile is gone; the list of forgotten users exceeded its size limit, so only this first half is proven"
    );
}

#[tokio::test]
async fn the_thousand_and_first_erasure_of_a_day_waits_for_the_next_and_is_not_sent() {
    let project = Project::new(ProjectType::Email, Switches::default()).await;
    for n in 0..1_000 {
        project.calls.erase(&Subject::email(format!("person{n}@example.com"))).await.unwrap().unwrap();
        project.pass(Duration::from_millis(400));
    }
    assert_eq!(project.requested().len(), 1_000);
    let error = project.erase(&ada(ProjectType::Email)).await.unwrap_err();
    assert_eq!((error.kind, error.may_have_acted), (ErrorKind::RateLimited, false));
    // The first of them leaves the window a day after it was sent, which was 400 seconds ago.
    let wait = error.retry_after_ms.unwrap();
    assert!((85_999_000..86_000_100).contains(&wait), "{wait}");
    assert_eq!(project.requested(), [""; 0]);
    project.pass(Duration::from_millis(wait));
    assert_eq!(project.erase(&ada(ProjectType::Email)).await.unwrap().status, ErasureStatus::Accepted);
}
