// Keys for a person who goes through a film line by line. They can be switched off, and never act while one types or
// stands on a control of its own.

const rowInHand = () => document.activeElement.closest?.(".line") ?? null;

function step(by) {
  const here = shown.indexOf(rowInHand() ?? current);
  const to = here < 0 ? (by > 0 ? 0 : shown.length - 1) : here + by;
  goTo(shown[Math.min(Math.max(to, 0), shown.length - 1)]);
}

const withRow = (act) => () => {
  const row = rowInHand() ?? shown[0];
  if (row) act(row);
};

const keys = {
  j: () => step(1),
  k: () => step(-1),
  s: withRow((row) => play(row, "source")),
  b: withRow((row) => play(row, "both")),
  " ": withRow((row) => play(row, "take")),
  Enter: withRow(toggle),
  "/": () => byId("find").focus(),
  Escape: stop,
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (!byId("keys").checked && event.key !== "Escape") return;
  const at = event.target;
  if (event.key === "Escape" && at.id === "find") at.blur();
  if (at.closest("input:not([type=checkbox]), select, textarea")) return;
  // Space and Enter are the button's own where one has the focus, and the page's where no line has.
  const pressing = event.key === " " || event.key === "Enter";
  if (pressing && (at.closest("button, a, input, [tabindex='0']") || !rowInHand())) return;
  const act = Object.hasOwn(keys, event.key) ? keys[event.key] : null;
  if (!act) return;
  event.preventDefault();
  act();
});
