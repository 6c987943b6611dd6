//! Every question runs, on a relay in a process of its own, and gives figures; how large they are is not judged.

use wardline_benches::{Place, durable_send, figure::Figure, relay_appends, revoking, scale::Scale};

fn place(folder: &tempfile::TempDir) -> Place {
    Place { program: env!("CARGO_BIN_EXE_benchmarks").into(), folder: folder.path().to_owned() }
}

fn whole(figures: &[Figure]) {
    for figure in figures {
        assert!(figure.value > 0.0 && figure.bound > 0.0 && figure.ratio.is_finite(), "{figure:?}");
        assert!(figure.samples > 0, "{figure:?}");
        assert_eq!(figure.met == Some(false), figure.why.is_some(), "{figure:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_durable_send_is_measured_over_both_transports() {
    let folder = tempfile::tempdir().unwrap();
    let figures = durable_send::run(Scale::smoke(), &place(&folder)).await.unwrap().figures;
    assert_eq!(figures.len(), 5, "{figures:?}");
    whole(&figures);
}

#[tokio::test(flavor = "multi_thread")]
async fn relay_appends_are_measured_in_process_and_over_both_transports() {
    let folder = tempfile::tempdir().unwrap();
    let figures = relay_appends::run(Scale::smoke(), &place(&folder)).await.unwrap().figures;
    assert_eq!(figures.len(), 4, "{figures:?}");
    whole(&figures);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_is_measured_by_conversations_members_and_the_length_of_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let figures = revoking::run(Scale::smoke(), &place(&folder)).await.unwrap().figures;
    assert_eq!(figures.len(), 12, "{figures:?}");
    whole(&figures);
}
