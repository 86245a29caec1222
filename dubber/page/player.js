// Plays clips: one sound at a time, a line's source and take one after the other where both are asked for.

const audio = byId("audio");
const deck = byId("deck");
let queue = [];
let current = null;

function soundsOf(row, what) {
  const clips = dataOf(row).clips ?? {};
  return (what === "both" ? ["source", "take"] : [what]).filter((name) => clips[name]);
}

function play(row, what) {
  queue = soundsOf(row, what).map((name) => [row, name]);
  if (queue.length) next();
}

function next() {
  const [row, name] = queue.shift() ?? [];
  current?.classList.remove("playing");
  current = row ?? null;
  deck.hidden = !row;
  if (!row) return;
  row.classList.add("playing");
  byId("what").textContent = `${name === "take" ? "Take" : "Source"} of line ${known.get(row).index + 1}`;
  byId("words").textContent = row.querySelector(name === "take" ? ".dub" : ".source").textContent;
  byId("played").value = 0;
  audio.src = `data:audio/mpeg;base64,${dataOf(row).clips[name]}`;
  audio.play().catch((error) => {
    // A sound that the next one replaced is no fault.
    if (error.name !== "AbortError") byId("what").textContent = "This browser cannot play the sound";
  });
}

function stop() {
  queue = [];
  audio.pause();
  next();
}

audio.addEventListener("ended", next);
audio.addEventListener("timeupdate", () => {
  byId("played").value = audio.duration ? audio.currentTime / audio.duration : 0;
});
byId("stop").addEventListener("click", stop);

list.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do]");
  if (!button) return;
  const row = button.closest(".line");
  if (button.dataset.do === "open") toggle(row);
  else play(row, button.dataset.do);
});
