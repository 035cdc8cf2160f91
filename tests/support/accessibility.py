"""A person who uses a window through the accessibility tree (AT-SPI over D-Bus), as a screen reader does.

    desktop = Desktop(bus, ":99")               # a D-Bus session with at-spi2-core, an X server
    window = desktop.window("Gatepost")
    window.find("push button", "Save").press()
    window.find("text", "Server address").type("smtp.example.com")

What the tree offers is used to find and press things: names, roles, states, actions. What has no name cannot be found. Text is
typed by the keyboard, as with a screen reader.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from jeepney import DBusAddress, DBusErrorResponse, Properties, new_method_call
from jeepney.io.blocking import DBusConnection, open_dbus_connection

_ACCESSIBLE = "org.a11y.atspi.Accessible"
_ROOT = "/org/a11y/atspi/accessible/root"
_CONTROL, _SHIFT = 0xFFE3, 0xFFE1
_KEYS = {"Return": 0xFF0D, "Escape": 0xFF1B, "Tab": 0xFF09, "F5": 0xFFC2}
_MAP_STATE, _VIEWABLE = 23, 2
"""Where XWindowAttributes holds it, counted in ints on 64-bit systems, and what it says of a window that is seen."""
_STATES = {
    1: "active", 4: "checked", 7: "editable", 8: "enabled", 11: "focusable", 12: "focused", 20: "pressed", 24: "sensitive",
    25: "showing", 30: "visible", 41: "checkable",
}  # fmt: skip
"""AtspiStateType, as far as it is needed."""


class Gone(Exception):
    """The object left the tree while it was being looked at."""


class Desktop:
    """All windows of the session."""

    def __init__(self, bus: str, display: str) -> None:
        """``bus``: address of the D-Bus session; ``display``: of the X server, whose keyboard is used."""
        session = open_dbus_connection(bus=bus)
        try:
            address = DBusAddress("/org/a11y/bus", bus_name="org.a11y.Bus", interface="org.a11y.Bus")
            reply = session.send_and_get_reply(new_method_call(address, "GetAddress"))
        finally:
            session.close()
        self.connection: DBusConnection = open_dbus_connection(bus=reply.body[0])

        self.keyboard = Keyboard(display)

    def close(self) -> None:
        self.keyboard.close()
        self.connection.close()

    def type_text(self, text: str) -> None:
        """By the keyboard, into whatever has the focus."""
        for character in text:
            self.keyboard.press(ord(character))

    def press_keys(self, keys: str) -> None:
        """A key, ``<Control>a`` with Control held."""
        name = keys.removeprefix("<Control>")
        self.keyboard.press(_KEYS.get(name) or ord(name), _CONTROL if name != keys else 0)

    @property
    def applications(self) -> list[Node]:
        return Node(self, "org.a11y.atspi.Registry", _ROOT).children()

    def window(self, title: str, timeout: float = 60) -> Node:
        """The window whose title holds ``title``."""

        def look() -> Node | None:
            for application in self.applications:
                for window in application.children():
                    if title in window.name:
                        return window
            return None

        return wait_for(look, f"a window {title!r}", timeout, self.describe)

    def describe(self) -> str:
        return "\n".join(line for application in self.applications for line in application.outline())


def wait_for(look: Callable[[], Any], what: str, timeout: float = 30, explain: Callable[[], str] = str) -> Any:
    """Poll until ``look`` gives something. AssertionError with ``explain()`` after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            if found := look():
                return found
        except Gone:
            pass
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}\n{explain()}")
        time.sleep(0.05)


class Keyboard:
    """The keyboard of an X server, by its XTEST extension."""

    def __init__(self, display: str) -> None:
        self._x = ctypes.CDLL("libX11.so.6")
        self._test = ctypes.CDLL("libXtst.so.6")
        self._x.XOpenDisplay.restype = ctypes.c_void_p
        self._x.XKeysymToKeycode.restype = ctypes.c_ubyte
        self._x.XKeycodeToKeysym.restype = ctypes.c_ulong
        self._display = ctypes.c_void_p(self._x.XOpenDisplay(display.encode()))
        assert self._display, f"no X server at {display}"

    def press(self, symbol: int, held: int = 0) -> None:
        """``symbol`` and ``held`` are X key symbols; for Latin-1 characters that is their code."""
        code = self._x.XKeysymToKeycode(self._display, ctypes.c_ulong(symbol))
        assert code, f"the keyboard has no key for {symbol:#x}"
        plain = self._x.XKeycodeToKeysym(self._display, ctypes.c_ubyte(code), 0)
        modifiers = [held] if held else ([_SHIFT] if plain != symbol else [])
        codes = [self._x.XKeysymToKeycode(self._display, ctypes.c_ulong(modifier)) for modifier in modifiers]
        for down in codes:
            self._event(down, True)
        self._event(code, True)
        self._event(code, False)
        for up in codes:
            self._event(up, False)
        self._x.XSync(self._display, 0)

    def give_to_uppermost_window(self) -> None:
        """What a window manager does when a dialog has been closed; there is none here."""
        root, parent = ctypes.c_ulong(), ctypes.c_ulong()
        children, count = ctypes.POINTER(ctypes.c_ulong)(), ctypes.c_uint()
        self._x.XDefaultRootWindow.restype = ctypes.c_ulong
        top = ctypes.c_ulong(self._x.XDefaultRootWindow(self._display))
        found = map(ctypes.byref, (root, parent, children, count))
        assert self._x.XQueryTree(self._display, top, *found)
        for number in reversed(range(count.value)):
            attributes = (ctypes.c_int * 64)()
            self._x.XGetWindowAttributes(self._display, ctypes.c_ulong(children[number]), ctypes.byref(attributes))
            width, height = attributes[2], attributes[3]
            if attributes[_MAP_STATE] == _VIEWABLE and min(width, height) > 50:
                self._x.XSetInputFocus(self._display, ctypes.c_ulong(children[number]), 1, ctypes.c_ulong(0))
                break
        self._x.XFree(children)
        self._x.XSync(self._display, 0)

    def _event(self, code: int, is_down: bool) -> None:
        self._test.XTestFakeKeyEvent(self._display, ctypes.c_uint(code), ctypes.c_int(is_down), ctypes.c_ulong(0))

    def close(self) -> None:
        self._x.XCloseDisplay(self._display)


@dataclass(frozen=True)
class Node:
    """One object of the tree."""

    desktop: Desktop
    bus: str
    path: str

    def _call(self, interface: str, method: str, signature: str | None = None, *arguments: Any) -> Any:
        address = DBusAddress(self.path, bus_name=self.bus, interface=interface)
        message = new_method_call(address, method, signature, arguments)
        return self._reply(message)

    def _reply(self, message: Any) -> Any:
        try:
            reply = self.desktop.connection.send_and_get_reply(message, timeout=30)
        except TimeoutError:
            raise AssertionError("the window does not answer its accessibility tree") from None
        if reply.header.message_type.name == "error":
            raise Gone(str(DBusErrorResponse(reply)))
        return reply.body[0] if reply.body else None

    def _property(self, interface: str, name: str) -> Any:
        address = DBusAddress(self.path, bus_name=self.bus, interface=interface)
        return self._reply(Properties(address).get(name))[1]

    @property
    def name(self) -> str:
        return str(self._property(_ACCESSIBLE, "Name"))

    @property
    def role(self) -> str:
        return str(self._call(_ACCESSIBLE, "GetRoleName"))

    @property
    def states(self) -> set[str]:
        low, high = self._call(_ACCESSIBLE, "GetState")
        bits = low | high << 32
        return {name for number, name in _STATES.items() if bits >> number & 1}

    @property
    def text(self) -> str:
        return str(self._call("org.a11y.atspi.Text", "GetText", "ii", 0, -1))

    def children(self) -> list[Node]:
        return [Node(self.desktop, bus, path) for bus, path in self._call(_ACCESSIBLE, "GetChildren")]

    def walk(self) -> Iterator[Node]:
        """Everything below that is showing, nearest first."""
        waiting = self.children()
        while waiting:
            node = waiting.pop(0)
            try:
                if "showing" in node.states:
                    yield node
                    waiting += node.children()
            except Gone:
                continue

    def search(self, role: str, name: str) -> Node | None:
        """The first of this role (empty: any) whose name holds ``name``."""
        for node in self.walk():
            try:
                if name in node.name and (not role or node.role == role):
                    return node
            except Gone:
                continue
        return None

    def find(self, role: str, name: str, timeout: float = 30) -> Node:
        found: Node = wait_for(lambda: self.search(role, name), f"a {role or 'thing'} named {name!r}", timeout, self.describe)
        return found

    def press(self) -> None:
        """What a click does, once it can be clicked. It was clicked when this returns."""
        wait_for(lambda: {"sensitive", "showing"} <= self.states, f"{self.name} can be used")
        actions = [str(action[0]) for action in self._call("org.a11y.atspi.Action", "GetActions")]
        for wanted in ("Press", "Toggle", "SetFocus"):
            if wanted in actions:
                self._call("org.a11y.atspi.Action", "DoAction", "i", actions.index(wanted))
                self._wait_until_up()
                return
        raise AssertionError(f"{self.name} ({self.role}) has no action to press: {actions}")

    def _wait_until_up(self) -> None:
        """Qt answers at once but holds a push button down for 100 ms before it clicks, a tool button not at all: whoever does
        not wait clicks the second of two buttons first."""

        def is_up() -> bool:
            try:
                return "pressed" not in self.states
            except Gone:
                return True  # its click closed what it stood in

        wait_for(is_up, "the button is up again", 30, self.desktop.describe)

    def focus(self) -> None:
        """Put the keyboard's focus here."""
        wait_for(lambda: {"sensitive", "showing"} <= self.states, f"{self.name} can be used")
        self.desktop.keyboard.give_to_uppermost_window()
        self._call("org.a11y.atspi.Component", "GrabFocus")
        wait_for(lambda: "focused" in self.states, f"{self.name} has the focus", 10, self.desktop.describe)

    def type(self, text: str) -> None:
        """Replace what stands in the field, by the keyboard."""
        wait_for(lambda: "editable" in self.states, f"{self.name} can be typed in")
        self.focus()
        self.desktop.press_keys("<Control>a")
        self.desktop.type_text(text)

    def describe(self) -> str:
        return "\n".join(self.outline())

    def outline(self, depth: int = 0) -> Iterator[str]:
        """The tree below in words, for a test that failed."""
        try:
            states = " ".join(sorted(self.states & {"checked", "focused", "sensitive"}))
            yield f"{'  ' * depth}{self.role} {self.name!r} {states}"
            children = self.children()
        except Gone:
            return
        for child in children:
            if depth < 2 or "showing" in child.states:
                yield from child.outline(depth + 1)
