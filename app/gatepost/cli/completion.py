"""``gatepost completion``: a script for the shell, made from the commands' own parsers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from .output import Out


def configure(parser: argparse.ArgumentParser, _name: str) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))
    parser.set_defaults(run=run, needs="nothing")


def run(arguments: argparse.Namespace) -> None:
    from .main import build_parser
    from .registry import COMMANDS

    words = dict(_words(build_parser(COMMANDS), ""))
    script = {"bash": _bash, "zsh": _zsh, "fish": _fish}[arguments.shell](words)
    out = Out(as_json=arguments.json)
    if out.as_json:
        out.json({"shell": arguments.shell, "script": script})
    else:
        out.raw(f"{script}\n")


def _words(parser: argparse.ArgumentParser, path: str) -> Iterator[tuple[str, list[str]]]:
    """What may follow each chain of commands."""
    found: list[str] = []
    for action in parser._actions:
        found.extend(option for option in action.option_strings if option.startswith("--"))
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                found.append(name)
                yield from _words(inner, f"{path} {name}".strip())
    yield path, found


def _bash(words: dict[str, list[str]]) -> str:
    """What is no command or action where it stands, such as an id or an option's value, leads nowhere else."""
    chains = " | ".join(f'"{path}"' for path in sorted(words) if path)
    cases = "\n".join(f'        "{path}") words="{" ".join(follow)}" ;;' for path, follow in sorted(words.items()))
    return f"""_gatepost() {{
    local path="" word words=""
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "${{path:+$path }}$word" in
            {chains})
                path="${{path:+$path }}$word" ;;
        esac
    done
    case "$path" in
{cases}
    esac
    COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _gatepost gatepost"""


def _zsh(words: dict[str, list[str]]) -> str:
    return "autoload -U +X bashcompinit && bashcompinit\n" + _bash(words)


def _fish(words: dict[str, list[str]]) -> str:
    lines = []
    for path, follow in sorted(words.items()):
        seen = "; and ".join(f"__fish_seen_subcommand_from {name}" for name in path.split()) or "__fish_use_subcommand"
        for word in follow:
            kind = f"-l {word[2:]}" if word.startswith("--") else f"-f -a {word}"
            lines.append(f"complete -c gatepost -n '{seen}' {kind}")
    return "\n".join(lines)
