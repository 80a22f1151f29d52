"""Who may use the console: token files, host names and the certificate, from the configuration.

Owns: the files `control.token` and `read.token`, and reading the certificate.
Must not: be imported before the console is wanted: the web stack costs start-up time.
"""

from __future__ import annotations

import ssl
import stat
from pathlib import Path
from typing import Final

from traderd.config import TOKEN_FILE, Config
from traderd.config_web import EVERY_ADDRESS
from traderd.errors import ConfigError
from traderd.runtime.addresses import is_loopback
from traderd.web.access import AccessRules

READ_TOKEN_FILE: Final = "read.token"
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def ensure_token(directory: Path, fresh: str, name: str = TOKEN_FILE) -> str:
    """Return a token, made once per state directory and readable by its owner only.

    Raises:
        ConfigError: others can read the file, so that it is no secret.
    """
    path = directory / name
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(fresh, encoding="ascii")
    refuse_open_file(
        path, f"delete it, and the daemon makes a new one; `chmod 600 {path}` keeps it"
    )
    return path.read_text(encoding="utf-8", errors="replace").strip()


def refuse_open_file(path: Path, cure: str) -> None:
    """Refuse a secret that others than its owner can read or write; raises ConfigError."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & OTHERS:
        raise ConfigError(f"{path} has mode {mode:04o}, so others can read it: {cure}")


def open_access(
    config: Config, directory: Path, fresh: tuple[str, str]
) -> tuple[AccessRules, ssl.SSLContext | None]:
    """Read the tokens and the certificate; `fresh` are two new tokens, should there be none yet.

    Raises:
        ConfigError: a file cannot be used, with the cure.
    """
    rules = access_rules(
        config,
        control_token=ensure_token(directory, fresh[0]),
        read_token=ensure_token(directory, fresh[1], READ_TOKEN_FILE),
    )
    return rules, tls_context(config)


def access_rules(config: Config, *, control_token: str, read_token: str) -> AccessRules:
    """Return who may do what: off loopback nobody sees anything without a token."""
    web = config.web
    names = ["127.0.0.1", "localhost", "[::1]", *web.names]
    if web.host not in EVERY_ADDRESS:
        names.append(f"[{web.host}]" if ":" in web.host else web.host)
    return AccessRules(
        control_token=control_token,
        read_token=read_token,
        allowed_hosts=tuple(name.lower() for name in names),
        reads_need_token=web.reads_need_token or not is_loopback(web.host),
        is_secure=bool(web.tls_certificate),
    )


def tls_context(config: Config) -> ssl.SSLContext | None:
    """Read certificate and key; None when the console speaks plain HTTP.

    Raises:
        ConfigError: a file is missing, open to others, or the two do not belong together.
    """
    web = config.web
    if not web.tls_certificate:
        return None
    key = Path(web.tls_key).expanduser()
    try:
        refuse_open_file(key, f"`chmod 600 {key}`")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(Path(web.tls_certificate).expanduser(), key)
    except ssl.SSLError as error:
        raise ConfigError(
            f"web.tls_certificate and web.tls_key do not work together ({error.reason or error}): name a certificate in "
            "PEM form and its own key without a password"
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{error.filename or web.tls_certificate} cannot be read ({error.strerror or error}): correct "
            "web.tls_certificate and web.tls_key"
        ) from error
    return context
