//! `service`: services as they should be, whichever program starts them. Salt: states/service.py.

use std::path::Path;
use std::time::Duration;

use super::beacon::MOD_BEACON;
use super::failure;
use crate::loader::{Args, Default, Fault, Param, Running, State, StateReturn, States, keywords, opt, req};
use crate::map;
use crate::value::{Map, Value, str_of};

const RUN: &[Param] = &[
    req("name"),
    opt("enable", Default::None),
    opt("sig", Default::None),
    opt("init_delay", Default::None),
    keywords("kwargs"),
];
const NAME: &[Param] = &[req("name"), keywords("kwargs")];
const MASK: &[Param] = &[req("name"), opt("runtime", Default::False)];

static WATCH: State = State::new(
    "mod_watch",
    &[
        req("name"),
        opt("sfun", Default::None),
        opt("sig", Default::None),
        opt("reload", Default::False),
        opt("full_restart", Default::False),
        opt("init_delay", Default::None),
        opt("force", Default::False),
        keywords("kwargs"),
    ],
    "Restarts or reloads a service, or stops one that should be dead.",
    watch,
);

pub(super) static STATES: States = States {
    file: "service",
    provides: "service",
    available: |cx| {
        if cx.offers("service.start") {
            return Ok(());
        }
        let os = if cx.grain("osfinger").is_empty() { cx.grain("os") } else { cx.grain("osfinger") };
        Err(format!("No service execution module loaded: check support for service management on {os} "))
    },
    functions: &[
        State::new("dead", RUN, "The service does not run; `enable` says whether it starts at boot.", dead),
        State::new("disabled", NAME, "The service is not started at boot.", disabled),
        State::new("enabled", NAME, "The service is started at boot.", enabled),
        State::new("masked", MASK, "The service cannot be started.", |running, args| {
            mask(running, args, true)
        }),
        MOD_BEACON,
        State::new("running", RUN, "The service runs; `enable` says whether it starts at boot.", running_),
        State::new("unmasked", MASK, "The service can be started.", |running, args| {
            mask(running, args, false)
        }),
    ],
    mod_watch: Some(&WATCH),
    mod_aggregate: None,
};

/// A service and how to ask about it.
struct Service<'r, 'c> {
    running: &'r Running<'r, 'c>,
    name: String,
    kwargs: Map,
    sig: Value,
    warnings: Vec<String>,
}

/// What is said of a service beside whether it starts at boot: `None` where nothing was done.
#[derive(Clone, Copy)]
enum Condition {
    Running,
    Desired,
    Dead,
}

impl Condition {
    fn of(runs: bool) -> Self {
        if runs { Condition::Running } else { Condition::Dead }
    }

    fn words(self) -> &'static str {
        match self {
            Condition::Running => "is running",
            Condition::Desired => "is in the desired state",
            Condition::Dead => "is dead",
        }
    }
}

impl<'r, 'c> Service<'r, 'c> {
    fn new(running: &'r Running<'r, 'c>, args: &Args) -> Result<Self, Fault> {
        let mut kwargs = args.keywords.clone();
        kwargs.retain(|key, _| !key.as_str().is_some_and(|key| key.starts_with("__")));
        let sig = args.get("sig").clone();
        Ok(Service { running, name: args.str("name")?, kwargs, sig, warnings: Vec::new() })
    }

    /// Those options of systemd that a function takes, or warnings where it is not there.
    fn options(&mut self, fun: &str) -> Map {
        let row = self.running.registry.function(self.running.cx, fun).ok();
        let booted = Path::new("/run/systemd/system").is_dir();
        let mut options = Map::new();
        for key in ["no_block", "unmask", "unmask_runtime"] {
            let takes = row.is_some_and(|row| {
                row.params.iter().any(
                    |param| matches!(param, Param::Required(name) | Param::Optional(name, _) if *name == key),
                )
            });
            let Some(value) = self.kwargs.get(key).filter(|_| takes) else { continue };
            if booted {
                options.insert(key, value.clone());
            } else {
                let warning = format!("The '{key}' argument is not supported by this platform");
                if !self.warnings.contains(&warning) {
                    self.warnings.push(warning);
                }
            }
        }
        options
    }

    fn ask(&self, fun: &str) -> Result<Value, Fault> {
        self.running.ask(fun, &[self.name.as_str().into()])
    }

    fn ask_with_all(&self, fun: &str) -> Result<Value, Fault> {
        self.running.ask_with(fun, &[self.name.as_str().into()], self.kwargs.clone())
    }

    fn is_available(&self) -> Result<bool, Fault> {
        if self.running.offers("service.available") {
            return Ok(self.ask("service.available")?.truthy());
        }
        if !self.running.offers("service.get_all") {
            return Ok(false);
        }
        Ok(match self.running.ask("service.get_all", &[])? {
            Value::Map(all) => all.contains(&self.name),
            all => all.as_list().unwrap_or_default().iter().any(|name| name.as_str() == Some(&self.name)),
        })
    }

    fn not_available(&self) -> String {
        format!("The named service {} is not available", self.name)
    }

    fn runs(&mut self) -> Result<bool, Fault> {
        let options = self.options("service.status");
        let args = [self.name.as_str().into(), self.sig.clone()];
        Ok(self.running.ask_with("service.status", &args, options)?.truthy())
    }

    fn is_enabled(&self) -> Result<bool, Fault> {
        if self.running.offers("service.enabled") {
            Ok(self.ask("service.enabled")?.truthy())
        } else {
            Ok(true)
        }
    }

    /// Starts at boot or does not; puts result, comment and changes into `outcome`, where there is something to say.
    fn switch(
        &self,
        outcome: &mut StateReturn,
        on: bool,
        condition: Condition,
        result: bool,
    ) -> Result<(), Fault> {
        let (verb, past, name) =
            if on { ("enable", "enabled", &self.name) } else { ("disable", "disabled", &self.name) };
        match self.is_available() {
            Ok(true) => {}
            Ok(false) => {
                outcome.result = Some(!on);
                outcome.comment = self.not_available();
                return Ok(());
            }
            Err(fault @ Fault::Execution { .. }) => {
                outcome.result = Some(false);
                outcome.comment = failure::text(&fault);
                return Ok(());
            }
            Err(fault) => return Err(fault),
        }
        outcome.result = Some(result);
        let (set, ask) = (format!("service.{verb}"), format!("service.{past}"));
        if !self.running.offers(&set) || !self.running.offers(&ask) {
            let state = if matches!(condition, Condition::Running) { "started" } else { condition.words() };
            let title = if on { "Enable" } else { "Disable" };
            outcome.comment = format!("{title} is not available on this minion, service {name} {state}");
            return Ok(());
        }
        let is_set = || if on { self.ask_with_all(&ask) } else { self.ask(&ask) };
        let before = is_set()?;
        if before.truthy() {
            if matches!(condition, Condition::Desired) {
                outcome.changes = Map::new().into();
            }
            outcome.comment = format!("Service {name} is already {past}, and {}", condition.words());
            return Ok(());
        }
        if self.running.test() {
            outcome.result = None;
            outcome.comment = format!("Service {name} set to be {past}");
            return Ok(());
        }
        let mut reason = None;
        match self.ask_with_all(&set) {
            Ok(done) if done.truthy() => {
                let after = is_set()?;
                let changed = before.truthy() != after.truthy();
                let change: Map = [(name.as_str(), true)].into_iter().collect();
                outcome.changes = if changed { change } else { Map::new() }.into();
                outcome.comment = format!("Service {name} has been {past}, and {}", condition.words());
                return Ok(());
            }
            Ok(_) => {}
            Err(fault @ Fault::Execution { .. }) if on => reason = Some(failure::text(&fault)),
            Err(fault) => return Err(fault),
        }
        outcome.result = Some(false);
        let not = if on { "" } else { "not " };
        let rest = match condition {
            Condition::Running if on => ", but the service is running",
            Condition::Running => ", and is running",
            Condition::Desired => ", but the service was already running",
            Condition::Dead => ", and the service is dead",
        };
        outcome.comment = format!("Failed when setting service {name} to {not}start at boot{rest}");
        if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
            outcome.comment += &format!(". Additional information follows:\n\n{reason}");
        }
        Ok(())
    }
}

/// `enable` of a state: `None` leaves it as it is.
fn wanted(args: &Args) -> Option<bool> {
    match args.get("enable") {
        Value::Bool(wanted) => Some(*wanted),
        Value::Text(text) => Some(text.eq_ignore_ascii_case("true")),
        _ => None,
    }
}

fn running_(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    toggle(running, args, true)
}

fn dead(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    toggle(running, args, false)
}

/// `running` and `dead`: the service runs as `up` says.
fn toggle(running: &Running, args: &Args, up: bool) -> Result<StateReturn, Fault> {
    let mut service = Service::new(running, args)?;
    let name = service.name.clone();
    let mut outcome = StateReturn::new(name.as_str(), Some(true), "");
    if service.kwargs.contains("enabled") {
        outcome.result = Some(false);
        outcome.comment = format!(
            "Service {name} uses non-existent option \"enabled\".  Perhaps \"enable\" option was intended?"
        );
        return Ok(outcome);
    }
    if running.offers("service.offline") && running.ask("service.offline", &[])?.truthy() {
        outcome.comment = "Running in OFFLINE mode. Nothing to do".to_owned();
        return Ok(outcome);
    }
    match service.is_available() {
        Ok(true) => {}
        Ok(false) => {
            outcome.comment = service.not_available();
            outcome.result = Some(!up);
            if running.test() {
                outcome.result = None;
                let done = if up { "started" } else { "stopped" };
                outcome.comment = format!(
                    "Service {name} not present; if created in this state run, it would have been {done}"
                );
            }
            return Ok(outcome);
        }
        Err(fault @ Fault::Execution { .. }) => {
            outcome.result = Some(false);
            outcome.comment = failure::text(&fault);
            return Ok(outcome);
        }
        Err(fault) => return Err(fault),
    }
    change(&mut service, args, up, &mut outcome)?;
    if !service.warnings.is_empty() {
        outcome.extra.insert("warnings", Value::list(&service.warnings));
    }
    Ok(outcome)
}

fn change(service: &mut Service, args: &Args, up: bool, outcome: &mut StateReturn) -> Result<(), Fault> {
    let running = service.running;
    let name = service.name.clone();
    let enable = wanted(args);
    let (before, before_boot) = (service.runs()?, service.is_enabled()?);
    let unmask = up && service.kwargs.get("unmask").is_some_and(Value::truthy);
    let unmasked = if unmask {
        let runtime = service.kwargs.get("unmask_runtime").cloned().unwrap_or(Value::Bool(false));
        mask_service(running, &name, &runtime, false)?.comment
    } else {
        String::new()
    };
    let both = |text: String| if unmasked.is_empty() { text } else { format!("{text}\n{unmasked}") };
    if before == up {
        outcome.comment = if up {
            both(format!("The service {name} is already running"))
        } else {
            format!("The service {name} is already dead")
        };
        match enable {
            Some(on) if on != before_boot => service.switch(outcome, on, Condition::Desired, true)?,
            _ => {}
        }
        return Ok(());
    }
    if running.test() {
        outcome.result = None;
        outcome.comment = if up {
            both(format!("Service {name} is set to start"))
        } else {
            format!("Service {name} is set to be killed")
        };
        return Ok(());
    }
    let fun = if up { "service.start" } else { "service.stop" };
    let options = service.options(fun);
    let done = match running.ask_with(fun, &[name.as_str().into()], options) {
        Ok(done) => done.truthy(),
        Err(fault @ Fault::Execution { .. }) if up => {
            outcome.result = Some(false);
            outcome.comment = failure::text(&fault);
            return Ok(());
        }
        Err(fault) => return Err(fault),
    };
    let failed = if up { "failed to start" } else { "failed to die" };
    if !done {
        outcome.result = Some(false);
        outcome.comment = format!("Service {name} {failed}");
        if let Some(on) = enable {
            service.switch(outcome, on, Condition::of(!up), false)?;
        }
        return Ok(());
    }
    wait(running, args);
    let (after, after_boot) = (service.runs()?, service.is_enabled()?);
    if before != after || before_boot != after_boot {
        let change: Map = [(name.as_str(), after)].into_iter().collect();
        outcome.changes = change.into();
    }
    let fine = after == up;
    outcome.result = Some(fine);
    outcome.comment = match (fine, up) {
        (true, true) => format!("Started service {name}"),
        (true, false) => format!("Service {name} was killed"),
        (false, _) => format!("Service {name} {failed}"),
    };
    if let Some(on) = enable {
        service.switch(outcome, on, Condition::of(after), fine)?;
    }
    if up && args.truthy("init_delay") {
        outcome.comment += &format!("\nDelayed return for {} seconds", str_of(args.get("init_delay")));
    }
    if unmask {
        outcome.comment += &format!("\n{unmasked}");
    }
    Ok(())
}

/// Gives a service the time that it asks for.
fn wait(running: &Running, args: &Args) {
    const LONGEST: f64 = 86_400.0;
    if let Some(seconds) = args.get("init_delay").as_float().filter(|seconds| *seconds > 0.0) {
        running.host.sleep(Duration::from_secs_f64(seconds.min(LONGEST)));
    }
}

fn enabled(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let service = Service::new(running, args)?;
    let mut outcome = StateReturn::new(service.name.as_str(), Some(true), "");
    service.switch(&mut outcome, true, Condition::Desired, true)?;
    if running.test() && outcome.comment == service.not_available() {
        outcome.result = None;
        outcome.comment = format!(
            "Service {} not present; if created in this state run, it would have been enabled",
            service.name
        );
    }
    Ok(outcome)
}

fn disabled(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let service = Service::new(running, args)?;
    let mut outcome = StateReturn::new(service.name.as_str(), Some(true), "");
    service.switch(&mut outcome, false, Condition::Desired, true)?;
    Ok(outcome)
}

fn mask(running: &Running, args: &Args, on: bool) -> Result<StateReturn, Fault> {
    mask_service(running, &args.str("name")?, args.get("runtime"), on)
}

fn mask_service(running: &Running, name: &str, runtime: &Value, on: bool) -> Result<StateReturn, Fault> {
    let answer = |result: Option<bool>, comment: String| StateReturn::new(name, result, comment);
    if !running.offers("service.masked") {
        return Ok(answer(Some(false), "Service masking not available on this minion".to_owned()));
    }
    let kind = if runtime.truthy() { "runtime masked" } else { "masked" };
    let done = match (runtime.truthy(), on) {
        (_, true) => kind,
        (true, false) => "runtime unmasked",
        (false, false) => "unmasked",
    };
    let changes: Map = [(kind, map! { "old" => !on, "new" => on })].into_iter().collect();
    let asked = [name.into(), runtime.clone()];
    let act = || -> Result<StateReturn, Fault> {
        if running.ask("service.masked", &asked)?.truthy() == on {
            let already = if on { "is already" } else { "was already" };
            return Ok(answer(Some(true), format!("Service {name} {already} {done}")));
        }
        if running.test() {
            return Ok(answer(None, format!("Service {name} would be {done}")).with(changes.clone()));
        }
        running.ask(if on { "service.mask" } else { "service.unmask" }, &asked)?;
        if running.ask("service.masked", &asked)?.truthy() == on {
            return Ok(answer(Some(true), format!("Service {name} was {done}")).with(changes.clone()));
        }
        // Salt quirk (3006.25, states/service.py): the result stays true.
        let verb = if on { "mask" } else { "unmask" };
        Ok(answer(Some(true), format!("Failed to {verb} service {name}")))
    };
    match act() {
        Err(fault @ Fault::Execution { .. }) => Ok(answer(Some(false), failure::text(&fault))),
        other => other,
    }
}

fn watch(running: &Running, args: &Args) -> Result<StateReturn, Fault> {
    let mut service = Service::new(running, args)?;
    let name = service.name.clone();
    let answer = |result: Option<bool>, comment: String| StateReturn::new(name.as_str(), result, comment);
    let sfun = args.opt_str("sfun")?.unwrap_or_else(|| "None".to_owned());
    let (fun, verb, past) = match sfun.as_str() {
        "dead" if service.runs()? => ("service.stop", "stop", "stopped".to_owned()),
        "dead" => return Ok(answer(Some(true), "Service is already stopped".to_owned())),
        "running" => {
            let offers = |fun: &str| running.offers(fun);
            let (fun, verb) = if !service.runs()? {
                ("service.start", "start")
            } else if args.truthy("reload") && offers("service.reload") {
                if args.truthy("force") && offers("service.force_reload") {
                    ("service.force_reload", "forcefully reload")
                } else {
                    ("service.reload", "reload")
                }
            } else if args.truthy("full_restart") && offers("service.full_restart") {
                ("service.full_restart", "fully restart")
            } else {
                ("service.restart", "restart")
            };
            (fun, verb, format!("{verb}ed"))
        }
        other => return Ok(answer(Some(false), format!("Unable to trigger watch for service.{other}"))),
    };
    if running.test() {
        return Ok(answer(None, format!("Service is set to be {past}")));
    }
    if verb == "start" && running.offers("service.stop") {
        service.ask("service.stop")?;
    }
    let options = service.options(fun);
    let done = match running.ask_with(fun, &[name.as_str().into()], options) {
        Ok(done) => done,
        Err(fault @ Fault::Execution { .. }) => return Ok(answer(Some(false), failure::text(&fault))),
        Err(fault) => return Err(fault),
    };
    wait(running, args);
    let fine = done.truthy();
    let comment = if fine { format!("Service {past}") } else { format!("Failed to {verb} the service") };
    let changes: Map = [(name.as_str(), done)].into_iter().collect();
    let mut outcome = answer(Some(fine), comment).with(changes);
    if !service.warnings.is_empty() {
        outcome.extra.insert("warnings", Value::list(&service.warnings));
    }
    Ok(outcome)
}
