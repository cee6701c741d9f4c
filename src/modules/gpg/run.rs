//! Running `gpg`: whose keys, and what its status lines say. GnuPG: doc/DETAILS, "Format of the --status-fd output".

use std::path::Path;

use crate::loader::{Args, Context, Fault, Ran};
use crate::map;
use crate::value::{Map, Value, str_of};

pub(super) struct Gpg<'a, 'c> {
    cx: &'a Context<'c>,
    args: &'a Args,
    home: String,
}

impl<'a, 'c> Gpg<'a, 'c> {
    /// # Errors
    /// When there is no such user.
    pub(super) fn of(cx: &'a Context<'c>, args: &'a Args) -> Result<Self, Fault> {
        let user = args.opt_str("user")?.filter(|user| !user.is_empty());
        let home = match (args.opt_str("gnupghome")?.filter(|home| !home.is_empty()), user) {
            (Some(home), _) => home,
            (None, Some(user)) if user == "salt" => {
                let directory = cx.opt_str("config_dir");
                let directory = if directory.is_empty() { "/etc/salt" } else { directory };
                Path::new(directory).join("gpgkeys").display().to_string()
            }
            (None, user) => {
                let user = match user {
                    Some(user) => user,
                    None => str_of(&cx.ask("config.option", &["user".into()])?),
                };
                let user = if user.is_empty() { "root".to_owned() } else { user };
                let info = cx.ask("user.info", &[user.as_str().into()])?;
                let home = info.get("home").map(str_of);
                let home = home.ok_or_else(|| Fault::invocation(format!("User {user} does not exist")))?;
                format!("{home}/.gnupg")
            }
        };
        if args.given("keyring").is_some_and(|ring| !matches!(ring, Value::Text(_))) {
            return Err(Fault::invocation(
                "Please pass keyring as a string. Multiple keyrings are not allowed",
            ));
        }
        Ok(Gpg { cx, args, home })
    }

    /// The text, or what stands in the file.
    ///
    /// # Errors
    /// When there is neither.
    pub(super) fn input(&self, args: &Args) -> Result<String, Fault> {
        if args.truthy("text") {
            return args.str("text");
        }
        if !args.truthy("filename") {
            return Err(Fault::invocation("filename or text must be passed."));
        }
        let path = args.str("filename")?;
        std::fs::read_to_string(&path).map_err(|_| Fault::invocation("filename does not exist."))
    }

    /// The passphrase of the pillar, where it is to be used.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn passphrase(&self) -> Result<Option<String>, Fault> {
        if !self.args.truthy("use_passphrase") {
            return Ok(None);
        }
        let told = self.cx.ask("pillar.get", &["gpg_passphrase".into()])?;
        if told.truthy() {
            Ok(Some(str_of(&told)))
        } else {
            Err(Fault::invocation("gpg_passphrase not available in pillar."))
        }
    }

    /// Runs it. Status lines are among those of stderr.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn run(
        &self,
        words: &[String],
        passphrase: Option<&str>,
        input: Option<String>,
    ) -> Result<Ran, Fault> {
        let plain = ["gpg", "--status-fd", "2", "--no-tty", "--homedir", self.home.as_str()];
        let mut command: Vec<String> = plain.iter().map(|word| (*word).to_owned()).collect();
        if !words.iter().any(|word| word == "--no-batch") {
            command.push("--batch".to_owned());
        }
        if let Some(ring) = self.args.opt_str("keyring")? {
            command.extend(["--no-default-keyring".to_owned(), "--keyring".to_owned(), ring]);
        }
        let mut stdin = input;
        if let Some(passphrase) = passphrase {
            command.extend(["--pinentry-mode", "loopback", "--passphrase-fd", "0"].map(str::to_owned));
            stdin = Some(format!("{passphrase}\n{}", stdin.unwrap_or_default()));
        }
        command.extend_from_slice(words);
        let mut asked: Map = map! { "ignore_retcode" => true, "output_loglevel" => "quiet" };
        asked.extend(stdin.map(|text| ("stdin", text)));
        let user = self.args.opt_str("user")?.filter(|user| !user.is_empty() && user != "salt");
        asked.extend(user.map(|user| ("runas", user)));
        self.cx.program_with(&command, asked)
    }
}

/// Status lines: keyword and the words after it.
pub(super) fn status(ran: &Ran) -> Vec<(&str, Vec<&str>)> {
    let lines = ran.stderr.lines().filter_map(|line| line.strip_prefix("[GNUPG:] "));
    lines
        .map(|line| {
            let mut words = line.split(' ');
            (words.next().unwrap_or_default(), words.collect())
        })
        .collect()
}
