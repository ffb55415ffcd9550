//! The run file that `swath init` writes.

use std::fs;

use swath::run::{About, RunFile};

use crate::support::{site, swath_ok};

#[test]
fn what_only_people_know_is_asked_for() {
    let site = site();
    let site = site.path();
    swath_ok(site, &["init", "image.tif", "-l", "labels.tif", "-o", "new.toml"]);
    let text = fs::read_to_string(site.join("new.toml")).unwrap();
    let (_, prompts) = text.split_once("\n[about]\n").unwrap();
    for (name, _) in About::default().items() {
        let key = name.replace(' ', "_");
        assert!(prompts.contains(&format!("\n# {key} =\n")), "no {key} in {prompts}");
    }
    let stated = text.replace("# study_area =", "study_area = \"here\"");
    fs::write(site.join("new.toml"), stated).unwrap();
    let run_file = RunFile::load(&site.join("new.toml"), &[]).unwrap();
    assert_eq!(run_file.about.study_area.as_deref(), Some("here"));
}

#[test]
fn keys_of_schedules_stand_once_with_the_kind_that_has_them() {
    let site = site();
    let site = site.path();
    swath_ok(site, &["init", "image.tif", "-l", "labels.tif", "-o", "new.toml"]);
    let text = fs::read_to_string(site.join("new.toml")).unwrap();
    let at = |part: &str| {
        assert_eq!(text.matches(part).count(), 1, "{part}");
        text.find(part).unwrap()
    };
    let order = [
        "\n# Keys of kind = \"multi-step\": milestones, gamma.\n",
        "\n# milestones =\n",
        "\n# Keys of kind = \"linear\": length, start_factor, end_factor.\n",
        "\n# start_factor =\n",
        "\n# Keys of kind = \"plateau\": monitor, factor,",
        "\n# cooldown =\n",
        "\n# Keys of kind = \"product\": piece.\n",
    ];
    assert!(order.map(at).is_sorted(), "{:?}", order.map(at));
}
