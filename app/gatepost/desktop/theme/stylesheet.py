"""The tokens as a style sheet over Fusion. Lengths follow the application's font."""

from __future__ import annotations

from string import Template

from .. import resources
from .fonts import px
from .tokens import Tokens

_LENGTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 18, 20, 24, 28, 32)

_SHEET = Template("""
QMainWindow, *[role="page"] { background: $window; }
QDialog { background: $surface; }
QScrollArea, QStackedWidget { background: transparent; border: none; }
QScrollArea > QWidget > QWidget { background: transparent; }
QToolTip { background: $surface; color: $text; border: 1px solid $field_border; padding: ${p4} ${p6}; }

*[role="sidebar"] { background: $sidebar; border: none; border-right: 1px solid $border; }
#help-panel { border-right: none; border-left: 1px solid $border; }
QToolButton[role="navigation"], QToolButton[role="application"] {
  background: transparent; border: 2px solid transparent; border-radius: ${p8}; padding: ${p7} ${p10}; text-align: left;
}
QToolButton[role="application"] { font-size: ${heading}; font-weight: 600; }
QToolButton[role="application"]::menu-indicator { image: none; }
QToolButton[role="navigation"]:hover, QToolButton[role="application"]:hover { background: $hover; }
QToolButton[role="navigation"]:checked { background: $accent_soft; color: $accent; }
QToolButton[role="navigation"]:focus, QToolButton[role="application"]:focus { border: 2px solid $focus; padding: ${p7} ${p10}; }
*[role="strip"] { border: none; border-bottom: 1px solid $border; background: $accent_soft; }
*[role="strip"][tone="warning"] { background: $warning_soft; }
*[role="strip"][tone="bad"] { background: $bad_soft; }

*[role="card"] { background: $surface; border: 1px solid $border; border-radius: ${p12}; }
*[role="inset"] { background: $window; border: 1px solid $border; border-radius: ${p8}; }
*[role="bar"] { background: $surface; border: none; border-top: 1px solid $border; }
*[role="divider"] { background: $border; border: none; max-height: 1px; min-height: 1px; }

QLabel[role="title"] { font-size: ${title}; font-weight: 600; }
QLabel[role="heading"] { font-size: ${heading}; font-weight: 600; }
QLabel[role="subheading"], QLabel[role="strong"] { font-weight: 600; }
QLabel[role="muted"] { color: $muted; }
QLabel[role="error"] { color: $bad; }
QLabel:disabled { color: $disabled; }

QPushButton, QToolButton {
  background: $surface; color: $text; border: 1px solid $field_border; border-radius: ${p6};
  padding: ${p6} ${p15}; font-weight: 500; icon-size: ${p16};
}
QToolButton { padding: ${p6}; }
QPushButton:hover, QToolButton:hover { background: $hover; }
QPushButton:pressed, QToolButton:pressed { background: $pressed; }
QPushButton:focus, QToolButton:focus { border: 2px solid $focus; padding: ${f6} ${f15}; }
QToolButton:focus { padding: ${f6}; }
QPushButton:disabled, QToolButton:disabled { color: $disabled; background: $window; border-color: $border; }
QPushButton::menu-indicator, QToolButton::menu-indicator {
  image: url($chevron_down); subcontrol-origin: padding; subcontrol-position: center right;
  width: ${p12}; height: ${p12}; right: ${p8};
}
QPushButton[menu="true"] { padding-right: ${p28}; }

QPushButton[role="primary"] { background: $accent; color: $on_accent; border-color: $accent; font-weight: 600; }
QPushButton[role="primary"]:hover { background: $accent_hover; border-color: $accent_hover; }
QPushButton[role="primary"]:pressed { background: $accent_pressed; border-color: $accent_pressed; }
QPushButton[role="primary"]:focus { border: 2px solid $text; }
QPushButton[role="primary"]:disabled { background: $neutral_soft; color: $disabled; border-color: $neutral_soft; }
QPushButton[role="danger"] { color: $bad; }
QPushButton[role="danger"]:disabled { color: $disabled; border-color: $border; }
QPushButton[role="danger"]:hover:enabled { background: $bad_soft; border-color: $bad; }
QPushButton[role="quiet"], QToolButton[role="quiet"] { background: transparent; border-color: transparent; }
QPushButton[role="quiet"]:hover, QToolButton[role="quiet"]:hover { background: $hover; }
QPushButton[role="quiet"]:pressed, QToolButton[role="quiet"]:pressed { background: $pressed; }
QPushButton[role="quiet"]:focus, QToolButton[role="quiet"]:focus { border: 2px solid $focus; }
QLineEdit QToolButton[role="quiet"] { padding: ${p3}; }
QLineEdit QToolButton[role="quiet"]:focus { padding: ${f3}; }
QPushButton[role="link"] {
  background: transparent; border: 2px solid transparent; color: $accent; padding: ${p2} ${p4} ${p2} 0; border-radius: ${p4};
  text-align: left;
}
QPushButton[role="link"]:hover { text-decoration: underline; }
QPushButton[role="link"]:focus { border: 2px solid $focus; }
QPushButton[role="link"]:disabled { color: $disabled; }
QPushButton[role="chip"] {
  border-radius: ${chip}; padding: ${p4} ${p12}; color: $muted; background: $surface; border-color: $border;
}
QPushButton[role="chip"]:hover { background: $hover; }
QPushButton[role="chip"]:checked { background: $accent_soft; color: $accent; border-color: $accent; }
QPushButton[role="chip"]:focus { border: 2px solid $focus; padding: ${f4} ${f12}; }

QLineEdit, QPlainTextEdit, QTextEdit, QTextBrowser, QComboBox, QAbstractSpinBox {
  background: $field; color: $text; border: 1px solid $field_border; border-radius: ${p6};
  padding: ${p6} ${p10}; selection-background-color: $accent; selection-color: $on_accent;
  placeholder-text-color: $muted;
}
QPlainTextEdit, QTextEdit, QTextBrowser { padding: ${p4} ${box}; }
QLineEdit:hover, QComboBox:hover { border-color: $disabled; }
QLineEdit:focus, QComboBox:focus, QAbstractSpinBox:focus { border: 2px solid $focus; padding: ${f6} ${f10}; }
QPlainTextEdit:focus, QTextEdit:focus, QTextBrowser:focus { border: 2px solid $focus; padding: ${f4} ${box_focus}; }
QLineEdit:disabled, QPlainTextEdit:disabled, QComboBox:disabled {
  color: $disabled; background: $window; border-color: $border;
}
QLineEdit:read-only { background: $window; }
*[role="wrong"] { border-color: $bad; }
QLineEdit[role="wrong"]:focus, QComboBox[role="wrong"]:focus, QPlainTextEdit[role="wrong"]:focus { border-color: $bad; }

QComboBox { padding-left: ${combo}; padding-right: ${p28}; }
QComboBox:focus { padding-left: ${combo_focus}; padding-right: ${f28}; }
QComboBox::drop-down { border: none; width: ${p28}; subcontrol-origin: padding; subcontrol-position: center right; }
QComboBox::down-arrow { image: url($chevron_down); width: ${p14}; height: ${p14}; }
QComboBox QAbstractItemView {
  background: $surface; border: 1px solid $field_border; padding: ${p4}; outline: none;
  selection-background-color: $accent_soft; selection-color: $text;
}
QComboBox QAbstractItemView::item { padding: ${p6} ${p8}; border-radius: ${p4}; }
QComboBox QAbstractItemView::item:selected { background: $accent_soft; color: $text; }

QCheckBox, QRadioButton { spacing: ${p8}; padding: ${p3} 0; background: transparent; }
QCheckBox:disabled, QRadioButton:disabled { color: $disabled; }
QCheckBox::indicator, QRadioButton::indicator, QAbstractItemView::indicator {
  width: ${p16}; height: ${p16}; background: $field; border: 1px solid $disabled; border-radius: ${p4};
}
QRadioButton::indicator { border-radius: ${p8}; }
QCheckBox::indicator:hover, QRadioButton::indicator:hover { border-color: $accent; }
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked {
  background: $accent; border-color: $accent; image: url($check);
}
QCheckBox::indicator:indeterminate { background: $accent; border-color: $accent; image: url($dash); }
QRadioButton::indicator:checked { background: $accent; border-color: $accent; image: url($dot); }
QCheckBox::indicator:focus, QRadioButton::indicator:focus { border: 2px solid $focus; width: ${r14}; height: ${r14}; }
QCheckBox::indicator:checked:focus, QRadioButton::indicator:checked:focus { border: 2px solid $text; }
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled { background: $window; border-color: $border; }

QAbstractItemView {
  background: $field; alternate-background-color: $field; border: none; outline: none; gridline-color: $border;
  selection-background-color: $accent_soft; selection-color: $text;
}
QTableView, QTreeView, QListView { border: 1px solid $border; border-radius: ${p8}; }
QTableView:focus, QTreeView:focus, QListView:focus { border: 2px solid $focus; }
QTableView[role="embedded"], QTreeView[role="embedded"] { border: none; border-radius: 0; background: $surface; }
QTableView::item, QTreeView::item { padding: ${p6} ${cell}; border: none; border-bottom: 1px solid $border; }
QTreeView { icon-size: ${p16}; }
QTreeView::item { border-bottom: none; }
QTreeView::branch { background: transparent; }
QTreeView::branch:has-children:closed { image: url($chevron_right); }
QTreeView::branch:has-children:open { image: url($chevron_down); }
QTableView::item:hover, QTreeView::item:hover, QListView::item:hover { background: $hover; }
QTableView::item:selected, QTreeView::item:selected, QListView::item:selected { background: $accent_soft; color: $text; }
QListView::item { padding: ${p6} ${p8}; }
QListView[role="contents"], QListView[role="contents"]:focus { background: transparent; border: none; }
QListView[role="contents"]::item { padding: ${p7} ${p8}; border-radius: ${p8}; color: $text; }
QListView[role="contents"]::item:disabled { color: $muted; background: transparent; padding-top: ${p14}; }
QListView[role="contents"]::item:selected { background: $accent_soft; color: $accent; }
QListView[role="contents"]::item:selected:focus { border: 2px solid $focus; }
QHeaderView { background: transparent; border: none; }
QHeaderView::section {
  background: $surface; color: $muted; border: none; border-bottom: 1px solid $border; padding: ${p8}; font-weight: 500;
}
QHeaderView::section:hover { color: $text; }
QHeaderView::down-arrow { image: url($chevron_down); width: ${p12}; height: ${p12}; }
QHeaderView::up-arrow { image: url($chevron_up); width: ${p12}; height: ${p12}; }
QTableView[role="embedded"] QHeaderView::section, QTreeView[role="embedded"] QHeaderView::section { background: transparent; }
QTableView[role="embedded"] QHeaderView::section { padding: ${p8} ${p10}; }
QTableView[role="embedded"]::item { padding: ${p6} ${cell_embedded}; }
QTreeView QHeaderView::section { background: transparent; }
QTableCornerButton::section { background: $surface; border: none; }

QScrollBar:vertical { background: transparent; width: ${p12}; margin: 0; border: none; }
QScrollBar:horizontal { background: transparent; height: ${p12}; margin: 0; border: none; }
QScrollBar::handle { background: $track; border-radius: ${p3}; margin: ${p3}; }
QScrollBar::handle:vertical { min-height: ${p32}; }
QScrollBar::handle:horizontal { min-width: ${p32}; }
QScrollBar::handle:hover { background: $disabled; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; border: none; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QMenu { background: $surface; border: 1px solid $field_border; border-radius: ${p8}; padding: ${p4}; }
QMenu::item { padding: ${p6} ${p24} ${p6} ${p12}; border-radius: ${p4}; }
QMenu::item:selected { background: $accent_soft; color: $text; }
QMenu::item:disabled { color: $disabled; }
QMenu::separator { height: 1px; background: $border; margin: ${p4} ${p8}; }
QMenu::icon { padding-left: ${p8}; }
QMenu::right-arrow { image: url($chevron_right); width: ${p12}; height: ${p12}; right: ${p6}; }

QTabWidget::pane { border: none; border-top: 1px solid $border; }
QTabBar { background: transparent; }
QTabBar::tab {
  background: transparent; color: $muted; border: none; border-bottom: 2px solid transparent;
  padding: ${p8} ${p9}; font-weight: 500;
}
QTabBar::scroller { width: ${p24}; }
QTabBar QToolButton { padding: 0; border-color: $border; }
QTabBar QToolButton::left-arrow { image: url($chevron_left); width: ${p12}; height: ${p12}; }
QTabBar QToolButton::right-arrow { image: url($chevron_right); width: ${p12}; height: ${p12}; }
QTabBar::tab:hover { color: $text; }
QTabBar::tab:selected { color: $accent; border-bottom-color: $accent; }
QTabBar::tab:focus { border: 2px solid $focus; border-radius: ${p4}; }

QProgressBar { background: $neutral_soft; border: none; border-radius: ${p3}; max-height: ${p6}; min-height: ${p6}; }
QProgressBar::chunk { background: $accent; border-radius: ${p3}; }
QSplitter::handle { background: transparent; }
QSplitter::handle:hover { background: $border; }
QStatusBar { background: $sidebar; border-top: 1px solid $border; }
QGroupBox { border: none; font-weight: 600; margin-top: ${p20}; }
QGroupBox::title { subcontrol-origin: margin; left: 0; }
""")


def stylesheet_of(tokens: Tokens) -> str:
    values: dict[str, str] = {name: str(getattr(tokens, name)) for name in tokens.__slots__}
    for length in _LENGTHS:
        values[f"p{length}"] = f"{px(length)}px"
        # With the focus ring one pixel wider than the plain border, the content keeps its place.
        values[f"f{length}"] = f"{max(0, px(length) - 1)}px"
        values[f"r{length}"] = f"{px(length)}px"
    values["title"] = f"{px(26)}px"
    values["heading"] = f"{px(16)}px"
    values["chip"] = f"{px(11)}px"
    # Qt indents the text of a cell by 3 px; words stand below those of their title.
    values["cell"], values["cell_embedded"] = f"{px(8) - 3}px", f"{px(10) - 3}px"
    # Qt indents the text of a line edit by 2 px, that of a text box by 4 px and that of a drop-down not at all.
    for name, indent in (("combo", px(10) + 2), ("box", px(10) - 2)):
        values[name], values[f"{name}_focus"] = f"{indent}px", f"{indent - 1}px"
    ground = "dark" if tokens.is_dark else "light"
    for way in ("down", "up", "left", "right"):
        values[f"chevron_{way}"] = _control(f"chevron-{way}")
    for mark in ("check", "dash", "dot"):
        values[mark] = _control(f"{mark}-{ground}")
    return _SHEET.substitute(values)


def _control(name: str) -> str:
    return resources.path("icons", "control", f"{name}.svg").as_posix()
