"""What .check-deploy.sh asks of the files themselves. Prints a sentence for each thing that is wrong; exit code 1 if there is one."""

import pathlib
import re
import sys

try:
    import yaml
except ImportError:
    yaml = None

ROOT = pathlib.Path(__file__).parent
APPS = {"app-lite": "lite", "app": "full"}
PROFILES = {"lite": {"app-lite"}, "full": {"app", "qdrant", "postgres", "redis", "prometheus", "grafana"}}
# Only these may be reached from the machine itself, and only these have a way out.
PUBLISHED = {"app-lite": "8080", "app": "8080", "grafana": "3000"}
# Variables of Compose itself, which stand in no file.
COMPOSE_OWN = {"COMPOSE_PROFILES"}
SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN(?!S_MAX)|API_?KEY|MASTER_KEY|DATABASE_URL")
PINNED = re.compile(r"^[a-z0-9./-]+:v?\d+(\.\d+)+(-[a-z0-9.-]+)?(@sha256:[0-9a-f]{64})?$")

wrong = []


def expect(is_so, sentence):
    if not is_so:
        wrong.append(sentence)


def read(name):
    path = ROOT / name
    expect(path.is_file(), f"{name} is missing")
    return path.read_text("utf-8") if path.is_file() else ""


def defaults_in(text):
    """`text` as Compose reads it when no variable is set."""
    return re.sub(r"\$\{\w+:?-([^}]*)\}", r"\1", text).replace("$$", "$")


# --- The program's settings, as src/config.rs says them ---------------------------------------------

rust = read("src/config.rs")
struct = re.search(r"\npub struct Config \{(.*?)\n\}", rust, re.S)
expect(struct, "src/config.rs has no `pub struct Config` that this check can read")
fields = re.findall(r"^    pub (\w+):", struct.group(1) if struct else "", re.M)
shared = {setting: variable for variable, setting in re.findall(r'\("([A-Z_]+)",\s*"([a-z_]+)"\)', rust.split("];")[0])}
secrets_list = re.search(r"const SECRETS:.*?=\s*\[(.*?)\];", rust, re.S)
expect(secrets_list, "src/config.rs has no `const SECRETS` that this check can read")
settings = {shared.get(field, f"CANDOR_{field.upper()}"): field for field in fields}
secret_fields = re.findall(r'"(\w+)"', secrets_list.group(1) if secrets_list else "")
secrets = {variable for variable, field in settings.items() if field in secret_fields}
known = set(settings) | {f"{variable}_FILE" for variable in secrets}


def default(expression):
    """The value of a default as .env.example writes it; None for what only the program can say."""
    text = expression.strip().rstrip(",")
    if text == "None":
        return ""
    if match := re.fullmatch(r'"([^"]*)"\.(into|to_owned|to_string)\(\)', text):
        return match.group(1)
    if match := re.fullmatch(r"SocketAddr::from\(\(\[(\d+), (\d+), (\d+), (\d+)\], (\d+)\)\)", text):
        return "{}.{}.{}.{}:{}".format(*match.groups())
    if match := re.fullmatch(r"([\d_]+)(?: << (\d+))?", text):
        return str(int(match.group(1)) << int(match.group(2) or 0))
    if match := re.fullmatch(r"[A-Z]\w+::([A-Z]\w+)", text):
        return match.group(1).lower()
    return {"true": "true", "false": "false"}.get(text)


block = re.search(r"impl Default for Config \{.*?Self \{(.*?)\n        \}", rust, re.S)
values = dict(re.findall(r"^            (\w+): (.*)$", block.group(1), re.M)) if block else {}

# --- .env.example -------------------------------------------------------------------------------------

compose_text = read("docker-compose.yml")
chosen = set(re.findall(r"(?<!\$)\$\{(\w+)", compose_text)) | COMPOSE_OWN
example = {}
lines = read(".env.example").splitlines()
for number, line in enumerate(lines):
    if match := re.fullmatch(r"#?([A-Z][A-Z0-9_]*)=(.*)", line):
        name, value = match.groups()
        expect(name not in example, f".env.example has {name} twice")
        above = lines[number - 1] if number else ""
        expect(above.startswith("# "), f".env.example says nothing about {name} in the line above it")
        example[name] = value
for name in sorted(set(settings) | chosen):
    expect(name in example, f".env.example does not list {name}")
for name, value in sorted(example.items()):
    expect(name in known | chosen, f".env.example lists {name}, which neither src/config.rs nor docker-compose.yml knows")
    if name in secrets or SECRET_NAME.search(name):
        expect(not value, f".env.example gives a value for the secret {name}")
    elif name in settings:
        program = default(values.get(settings[name], ""))
        expect(program is None or program == value, f".env.example says {name}={value}; the program's default is {program}")
for name in sorted(chosen - set(settings)):
    # The app gets all of .env, and refuses a CANDOR_ name that it does not know.
    expect(not name.startswith("CANDOR_"), f"{name} is a variable of docker-compose.yml and would stop the app as an unknown setting")

# --- Dockerfile and .dockerignore -----------------------------------------------------------------------

dockerfile = re.sub(r"\\\n\s*", " ", read("Dockerfile"))
cargo = read("Cargo.toml")
stages = re.findall(r"^FROM (?:--\S+ )?(\S+)(?: AS (\S+))?$", dockerfile, re.M | re.I)
named = {name for _, name in stages if name}
for image, _ in stages:
    expect(image in named or PINNED.match(image), f"Dockerfile: {image} is not pinned to an exact version")
rust_version = re.search(r'^rust-version = "([\d.]+)"', cargo, re.M)
toolchain = re.search(r"^FROM rust:(\d+\.\d+)", dockerfile, re.M)
if expect_both := rust_version and toolchain:
    lacks = [int(part) for part in toolchain.group(1).split(".")] < [int(part) for part in rust_version.group(1).split(".")[:2]]
    expect(not lacks, f"Dockerfile builds with Rust {toolchain.group(1)}, Cargo.toml asks for {rust_version.group(1)}")
expect(expect_both, "the Rust version of Cargo.toml or of the Dockerfile was not found")
version = re.search(r'^version = "([^"]+)"', cargo, re.M)
expect(version and f"ARG VERSION={version.group(1)}\n" in dockerfile, "Dockerfile: ARG VERSION is not the version in Cargo.toml")
environment = dict(re.findall(r"(\w+)=(\S+)", " ".join(re.findall(r"^ENV (.*)$", dockerfile, re.M))))
for name, value in environment.items():
    expect(name in known, f"Dockerfile sets {name}, which is no setting")
    if value.startswith("/opt/"):
        expect(f" {value}\n" in dockerfile, f"Dockerfile: nothing is copied to {value}, which {name} names")
wrapper, cook = dockerfile.find("COPY .cargo .cargo"), dockerfile.find("cargo chef cook")
expect(0 <= wrapper < cook, "Dockerfile: .cargo, with the wrapper around rustc, must be copied before the crates are cooked")
final = dockerfile[dockerfile.rfind("\nFROM ") :]
user = re.search(r"^USER (\d+):(\d+)$", final, re.M)
expect(user and user.group(1) != "0", "Dockerfile: the image must run as a numeric user without rights")
for instruction in ["HEALTHCHECK ", "STOPSIGNAL SIGTERM", "VOLUME /data", "LABEL org.opencontainers.image.title="]:
    expect(f"\n{instruction}" in final, f"Dockerfile: the image has no {instruction.strip()}")

ignored = [line.strip() for line in read(".dockerignore").splitlines() if line.strip() and not line.startswith("#")]
let_through = {line[1:] for line in ignored if line.startswith("!")}
members = re.search(r"^members = \[(.*?)\]", cargo, re.M | re.S)
needed = set(re.findall(r'"([^"]+)"', members.group(1))) if members else set()
needed |= {".cargo", "Cargo.lock", "Cargo.toml", "Makefile", "migrations", "src"}
expect(ignored[:1] == ["*"], ".dockerignore does not begin with everything")
for name in sorted(needed - let_through):
    wrong.append(f".dockerignore keeps {name} back, which the build needs: add !{name}")
for name in sorted(let_through - needed):
    wrong.append(f".dockerignore lets {name} through, which the build does not need")
git_ignored = read(".gitignore").splitlines()
for name in ["/.env", "/secrets"]:
    expect(name in git_ignored, f".gitignore does not name {name}, so a secret could be committed")

# --- docker-compose.yml ---------------------------------------------------------------------------------


def listed(value):
    return value if isinstance(value, list) else list(value or [])


def parts(mount):
    """Source, target and whether it is read-only, of a mount in either spelling."""
    if isinstance(mount, dict):
        return defaults_in(mount["source"]), mount["target"], mount.get("read_only") is True
    source, target, *mode = defaults_in(mount).split(":")
    return source, target, mode == ["ro"]


def check_service(name, service, compose):
    def expect_here(is_so, sentence):
        expect(is_so, f"docker-compose.yml, {name}: {sentence}")

    image = defaults_in(service.get("image", ""))
    expect_here(PINNED.match(image), f"{image or 'the image'} is not pinned to an exact version")
    has_check = service.get("healthcheck", {}).get("test") or service.get("x-no-healthcheck")
    expect_here(has_check, "no healthcheck, and no x-no-healthcheck that says why")
    expect_here(service.get("read_only") is True, "the root file system can be written to")
    expect_here(service.get("cap_drop") == ["ALL"] and not service.get("cap_add"), "it has capabilities")
    expect_here("no-new-privileges:true" in service.get("security_opt", []), "it may gain privileges")
    expect_here(service.get("mem_limit"), "no mem_limit")
    expect_here("/tmp" in listed(service.get("tmpfs")), "no /tmp")
    expect_here(not service.get("privileged") and "network_mode" not in service, "it is privileged or shares a network")

    own = {entry if isinstance(entry, str) else entry["source"] for entry in service.get("secrets", [])}
    expect_here(own <= set(compose["secrets"]), f"unknown secrets: {sorted(own - set(compose['secrets']))}")
    said = " ".join([str(value) for value in service.get("environment", {}).values()] + [str(part) for part in service.get("command", [])])
    used = set(re.findall(r"/run/secrets/(\w+)", said))
    expect_here(used == own, f"secrets that are given: {sorted(own)}, that are used: {sorted(used)}")
    expect_here(isinstance(service.get("environment", {}), dict), "the environment is a list; names with values can be read")
    for variable, value in service.get("environment", {}).items():
        text = defaults_in(str("" if value is None else value))
        if variable.endswith("_FILE"):
            expect_here(re.fullmatch(r"/run/secrets/\w+", text), f"{variable} names no file in /run/secrets")
        elif SECRET_NAME.search(variable):
            expect_here(not text, f"{variable} is a secret that stands in the file")
        expect_here(not re.search(r"://[^/\s]*:[^/\s]*@", text), f"{variable} holds a password")

    for mount in service.get("volumes", []):
        source, target, is_read_only = parts(mount)
        if source.startswith((".", "/")):
            expect_here((ROOT / source).exists(), f"{source}, which is mounted at {target}, is not in the repository")
            expect_here(is_read_only, f"{source} is mounted writable")
        else:
            expect_here(source in compose["volumes"], f"the volume {source} is not declared")
    for port in service.get("ports", []):
        address, *_, inside = defaults_in(str(port)).split(":")
        expect_here(address == "127.0.0.1", f"the port {port} is open to others than this machine")
        expect_here(PUBLISHED.get(name) == inside, f"the port {inside} is published")
    networks = set(service.get("networks", []))
    expect_here(networks and networks <= set(compose["networks"]), "it is on no network, or on one that is not declared")
    expect_here("front" not in networks or name in PUBLISHED, "it has a way out")
    for other, condition in service.get("depends_on", {}).items():
        healthy = isinstance(condition, dict) and condition.get("condition") == "service_healthy"
        expect_here(healthy, f"it does not wait until {other} is healthy")
        within = set(service["profiles"]) <= set(compose["services"][other]["profiles"])
        expect_here(within, f"it needs {other}, which its profile does not start")


if yaml is None:
    print("deploy: Python has no PyYAML here, so the services of docker-compose.yml were not looked at.")
else:
    compose = yaml.safe_load(compose_text)
    services = compose["services"]
    for profile, members in PROFILES.items():
        there = {name for name, service in services.items() if profile in service.get("profiles", [])}
        expect(there == members, f"docker-compose.yml: the profile {profile} has {sorted(there)}, not {sorted(members)}")
    for name, service in services.items():
        expect(service.get("profiles"), f"docker-compose.yml, {name}: it has no profile, so it starts with every one")
        check_service(name, service, compose)
    for name in APPS:
        for variable in services.get(name, {}).get("environment", {}):
            expect(variable in known, f"docker-compose.yml, {name}: {variable} is no setting of the program")
        for variable, value in environment.items():
            said = services.get(name, {}).get("environment", {}).get(variable)
            expect(said == value, f"docker-compose.yml, {name}: {variable} is {said}; the image says {value}")
        grace = int(services.get(name, {}).get("stop_grace_period", "0s").removesuffix("s"))
        limit = int(default(values.get("shutdown_seconds_max", "")) or 0)
        expect(grace > limit, f"docker-compose.yml, {name}: stopped after {grace} s, but the program takes up to {limit} s")
        tag = services.get(name, {}).get("image", "").partition(":")[2]
        expect(version and tag == version.group(1), f"docker-compose.yml, {name}: the image is {tag}, not the version in Cargo.toml")
    expect(compose["networks"].get("back", {}).get("internal") is True, "docker-compose.yml: the network back is not internal")
    for name, secret in compose["secrets"].items():
        expect(secret == {"file": f"./secrets/{name}"}, f"docker-compose.yml: the secret {name} is not the file secrets/{name}")
    mounted = {parts(mount)[0] for service in services.values() for mount in service.get("volumes", [])}
    for name in compose["volumes"]:
        expect(name in mounted, f"docker-compose.yml: the volume {name} is used by nobody")

    # What the mounted files of others must say, for the services to find each other.
    scraped = ROOT / "prometheus/prometheus.yml"
    if scraped.is_file():
        jobs = {job["job_name"]: job for job in yaml.safe_load(scraped.read_text("utf-8"))["scrape_configs"]}
        configs = jobs.get("candor", {}).get("static_configs", [])
        targets = {target for config in configs for target in config["targets"]}
        expect("app:9464" in targets, f"prometheus/prometheus.yml: the job candor asks {sorted(targets)}, not app:9464")
    for path in sorted((ROOT / "grafana/provisioning/datasources").glob("*.y*ml")):
        urls = {source.get("url") for source in yaml.safe_load(path.read_text("utf-8")).get("datasources", [])}
        expect("http://prometheus:9090" in urls, f"{path.relative_to(ROOT)}: {sorted(urls, key=str)}, not http://prometheus:9090")

for sentence in wrong:
    print(f"deploy: {sentence}", file=sys.stderr)
sys.exit(1 if wrong else 0)
