//! The administrators' guide, its first three pages, run as they are written.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use crate::{
    issuers::Machine,
    scene::{Scene, WARD, id, is_closed, texts, until},
};

const GUIDE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides/administrators.md"));

/// The id that the guide's phone has.
const PHONE: &str = "5b1c77f0";

/// The root's fingerprint in the guide.
const ROOT: &str = "3f9a 77c0 …";

/// The code that the second administrator's machine shows in the guide.
const CODE: &str = "01234 56789 …";

/// The commands of a page, in their order.
fn commands(number: usize, title: &str) -> Vec<&'static str> {
    let page = GUIDE.split("\n## ").nth(number).expect("a page");
    assert!(page.starts_with(&format!("{title}\n")), "{page}");
    let block = page.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    block.flat_map(str::lines).map(str::trim).filter(|line| line.starts_with("wardline ")).collect()
}

#[test]
fn a_phone_is_lost_and_page_one_says_what_to_do() {
    let scene = Scene::set();
    let commands = commands(1, "A phone is lost");
    assert_eq!(commands.len(), 6, "{commands:?}");
    let device = id(&scene.locum);
    let _nurse = scene.online(&scene.nurse);
    let said = run(&scene, &commands, &device);
    // Each says what the guide says that it says.
    let expected =
        ["in force", "on hold", "removed from", "revoked", "removed from 1 of 1", "wardline://enrol/"];
    for ((command, said), expected) in commands.iter().zip(&said).zip(expected) {
        assert!(said.contains(expected), "{command}: {said}");
    }
    // It is out, everywhere, and the others go on.
    scene.locum.cli(&["sync"]).failed(78);
    scene.doctor.cli(&["send", WARD, "the lost phone is out"]).good();
    assert!(is_closed(&scene.locum));
    // The person comes with a new phone, and whoever talks with them adds them again.
    let invitation = said[5].split_whitespace().find(|word| word.starts_with("wardline://enrol/")).unwrap();
    let phone = scene.ward.device("locum-c-again");
    let _registrar = scene.ward.administrator.start(&["admin", "registrar"]);
    phone.cli(&["enrol", invitation, "--device", "new phone"]).good();
    let add = GUIDE
        .split('`')
        .find(|text| text.starts_with("wardline conversation add"))
        .expect("page one says how");
    assert_eq!(add, "wardline conversation add 'Ward 4' doctor-a");
    // Who tries to confirm the new phone, as is done while the old one is in, is told the same.
    let out = scene.doctor.cli(&["conversation", "confirm", WARD, "locum-c", "--json"]).failed(67).failure();
    assert!(out["now"].as_str().unwrap().contains("wardline conversation add CONVERSATION locum-c"), "{out}");
    scene.doctor.cli(&["conversation", "add", WARD, "locum-c"]).good();
    scene.doctor.cli(&["send", WARD, "welcome back"]).good();
    phone.cli(&["sync"]).good();
    assert_eq!(texts(&phone), ["welcome back"]);
}

#[test]
fn page_two_proves_it_to_somebody_else() {
    let scene = Scene::set();
    let commands = commands(2, "Prove it");
    assert_eq!(commands.len(), 4, "{commands:?}");
    let device = id(&scene.locum);
    let _online = [scene.online(&scene.nurse), scene.online(&scene.doctor)];
    scene.admin(&["revoke", &device, "--reason", "lost", "--wait", "20"]);
    until("a second member confirms it", || scene.status(&scene.locum)["confirmed"] == 1);
    let said = run(&scene, &commands, &device);
    let expected = ["confirmed by", "1 confirmed", "1 confirmed", "are those that the relay has signed for"];
    for ((command, said), expected) in commands.iter().zip(&said).zip(expected) {
        assert!(said.contains(expected), "{command}: {said}");
    }
}

#[test]
fn a_phone_is_lost_at_night_and_page_three_says_what_to_do() {
    let scene = Scene::set();
    let commands = commands(3, "A phone is lost at night");
    assert_eq!(commands.len(), 6, "{commands:?}");
    let tablet = scene.ward.device("locum-c-tablet");
    let registrar = scene.ward.administrator.start(&["admin", "registrar"]);
    tablet.cli(&["enrol", &scene.ward.invite("locum-c"), "--device", "tablet"]).good();
    drop(registrar);
    let device = id(&scene.locum);
    for (name, of) in [("L", &tablet), ("N", &scene.nurse)] {
        let at = |name: &str| scene.ward.folder().join(name);
        std::os::unix::fs::symlink(&of.home, at(name)).unwrap();
        std::os::unix::fs::symlink(&of.passcode_file, at(&format!("{name}.passcode"))).unwrap();
    }
    let said = run(&scene, &commands, &device);
    let expected = [
        "may put others' devices on hold",
        "on hold",
        &device[..8],
        "already",
        "on hold since",
        "reinstated",
    ];
    for ((command, said), expected) in commands.iter().zip(&said).zip(expected) {
        assert!(said.contains(expected), "{command}: {said}");
    }
    scene.locum.cli(&["sync"]).good();
}

#[test]
fn the_page_about_how_everything_stands_says_so() {
    let scene = Scene::set();
    let commands = commands(7, "How everything stands");
    assert_eq!(commands.len(), 1, "{commands:?}");
    Machine::new(&scene.ward, "office-b").joined();
    let said = run(&scene, &commands, &id(&scene.locum));
    assert!(said[0].starts_with("Nothing needs you.") && said[0].contains("5 in force"), "{said:?}");
}

#[test]
fn the_page_about_a_second_administrator_makes_one_and_takes_it_back() {
    let scene = Scene::set();
    let commands = commands(5, "A second administrator");
    assert_eq!(commands.len(), 6, "{commands:?}");
    let second = scene.ward.people_as("administrator", &["office-b".to_owned()]).remove(0);
    for (name, path) in
        [("B", &second.home), ("B.passcode", &second.passcode_file), ("F", &scene.ward.recovery_file())]
    {
        std::os::unix::fs::symlink(path, scene.ward.folder().join(name)).unwrap();
    }
    fs::write(scene.ward.folder().join("F.code"), format!("{}\n", scene.ward.recovery_code)).unwrap();
    // Both have asked before: the code stays the one that they compare.
    let code = second.ask(&["administrator", "request"])["code"].as_str().unwrap().to_owned();
    // There is no terminal here to be asked on.
    let here = |one: &&str| one.replace(CODE, &code).replace("remove office-b", "remove office-b --yes");
    let commands: Vec<String> = commands.iter().map(here).collect();
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    let said = run(&scene, &commands, &id(&scene.locum));
    let expected = [
        "wardline://enrol/",
        &code,
        &code,
        "is an administrator",
        "is an administrator's",
        "no administrator any more",
    ];
    for ((command, said), expected) in commands.iter().zip(&said).zip(expected) {
        assert!(said.contains(expected), "{command}: {said}");
    }
}

/// Runs commands of the guide as the administrator, about this device; what each says.
fn run(scene: &Scene, commands: &[&str], device: &str) -> Vec<String> {
    // `wardline` asks for the passcode; here it is in a file. `A` is the administrator's home.
    let bin = scene.ward.folder().join("bin");
    fs::create_dir(&bin).unwrap();
    let administrator = &scene.ward.administrator;
    let program = administrator.command(&[]).get_program().to_owned();
    let wrapper = format!(
        "#!/bin/sh\nbefore= code= file='{}'\nfor word; do\n  \
           if [ \"$before\" = --home ] && [ -f \"$word.passcode\" ]; then file=\"$word.passcode\"; fi\n  \
           if [ \"$before\" = --recovery-file ] && [ -f \"$word.code\" ]; then code=\"--recovery-code-file $word.code\"; fi\n  \
           before=$word\ndone\nexec '{}' --passcode-file \"$file\" \"$@\" $code\n",
        administrator.passcode_file.display(),
        program.display()
    );
    fs::write(bin.join("wardline"), wrapper).unwrap();
    fs::set_permissions(bin.join("wardline"), fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink(&administrator.home, scene.ward.folder().join("A")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let root = administrator.ask(&["status", "--offline"])["root"].as_str().unwrap().to_owned();
    let mut said = Vec::new();
    for command in commands {
        let command =
            command.replace(PHONE, &device[..8]).replace("doctor-a", "locum-c").replace(ROOT, &root);
        let command = command.replace("night-desk", "nurse-b");
        let mut shell = Command::new("sh");
        shell.args(["-ec", &command]).current_dir(scene.ward.folder()).env("PATH", &path);
        shell.env("FAILPOINTS", "simulation.cheap_passcodes=return;simulation.few_key_packages=return");
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        said.push(String::from_utf8(output.stdout).unwrap());
    }
    said
}

#[test]
fn every_command_that_the_guide_names_exists() {
    let scene = Scene::set();
    let named = GUIDE.split('`').skip(1).step_by(2).filter(|text| text.starts_with("wardline admin "));
    let mut count = 0;
    for command in
        named.chain(GUIDE.lines().map(str::trim).filter(|line| line.starts_with("wardline admin ")))
    {
        let words: Vec<&str> = command.split_whitespace().skip(1).take(3).collect();
        let words: Vec<&str> =
            words.into_iter().take_while(|word| word.starts_with(char::is_lowercase)).collect();
        let mut help = words.clone();
        help.push("--help");
        scene.ward.administrator.cli(&help).good();
        count += 1;
    }
    assert!(count >= 6, "{count}");
}
