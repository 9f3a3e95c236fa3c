// Keys, the two-minute timer, and the output of a proof as it runs. Every page reads without it.
"use strict";

const TIMER_SECONDS = 120;
const find = (selector) => document.querySelector(selector);

function watch(proof) {
  const [output, state, start, stop] = [".output", ".state", "[data-run] button", "[data-stop]"].map(
    (selector) => proof.querySelector(selector),
  );
  output.textContent = "";
  output.hidden = stop.hidden = false;
  start.disabled = true;
  state.textContent = "runs …";
  const source = new EventSource(`/answers/${proof.dataset.slug}/output`);
  source.onmessage = (event) => {
    const follows = output.scrollTop + output.clientHeight >= output.scrollHeight - 4;
    output.append(JSON.parse(event.data) + "\n");
    if (follows) output.scrollTop = output.scrollHeight;
  };
  source.addEventListener("end", (event) => {
    source.close();
    stop.hidden = true;
    start.disabled = false;
    state.textContent = `${JSON.parse(event.data)} a moment ago`;
    htmx.ajax("GET", `/answers/${proof.dataset.slug}/evidence`, { target: "#evidence", swap: "outerHTML" });
  });
}

async function run(form) {
  const proof = form.closest(".proof");
  const answer = await fetch(form.action, { method: "POST", redirect: "manual" });
  if (answer.type === "opaqueredirect" || answer.ok) return watch(proof);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  proof.querySelector(".state").textContent = page.querySelector("main, body").textContent.trim();
}

function countDown(button) {
  const label = button.firstChild;
  if (button.dataset.until) {
    clearInterval(Number(button.dataset.interval));
    delete button.dataset.until;
    label.textContent = "2:00 ";
    button.classList.remove("over");
    return;
  }
  button.dataset.until = Date.now() + TIMER_SECONDS * 1000;
  const tick = () => {
    const left = Math.round((button.dataset.until - Date.now()) / 1000);
    const [minutes, seconds] = [Math.floor(Math.abs(left) / 60), Math.abs(left) % 60];
    label.textContent = `${left < 0 ? "+" : ""}${minutes}:${String(seconds).padStart(2, "0")} `;
    button.classList.toggle("over", left < 0);
  };
  button.dataset.interval = setInterval(tick, 250);
  tick();
}

function choose(step) {
  const links = [...document.querySelectorAll("a.result")];
  if (!links.length) return;
  const now = links.indexOf(document.activeElement);
  if (now + step < 0) return find("#q").focus();
  links[Math.min(now + step, links.length - 1)].focus();
}

const KEYS = {
  "/": () => (find("#q") ? find("#q").select() : location.assign("/")),
  ArrowDown: () => choose(1),
  ArrowUp: () => choose(-1),
  r: () => find("[data-run] button, .lock summary")?.click(),
  t: () => find("[data-timer]")?.click(),
  n: () => find("[data-next]")?.click(),
  " ": () => find("[data-answer] summary")?.click(),
};

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input, select, textarea");
  const isButton = event.target.matches("button, summary, a");
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Enter" && event.target.id === "q") {
    const first = find("a.result");
    if (first) { event.preventDefault(); first.click(); }
    return;
  }
  const isList = event.key.startsWith("Arrow") && find("a.result");
  if ((isTyping && !(isList && event.target.id === "q")) || (event.key === " " && isButton)) return;
  if (event.key.startsWith("Arrow") && !isList) return;
  if (!(event.key in KEYS) || (event.key === " " && !find("[data-answer]"))) return;
  event.preventDefault();
  KEYS[event.key]();
});

document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-run]")) { event.preventDefault(); run(event.target); }
  if (event.target.matches("[data-stop]")) {
    event.preventDefault();
    event.target.closest(".proof").querySelector(".state").textContent = "stops and cleans up …";
    fetch(event.target.action, { method: "POST", redirect: "manual" });
  }
});

document.addEventListener("click", (event) => {
  const timer = event.target.closest("[data-timer]");
  if (timer) countDown(timer);
});

document.addEventListener("mouseover", (event) => {
  const node = event.target.closest("[data-table]");
  for (const path of document.querySelectorAll(".lineage path")) {
    const touches = node && [path.dataset.from, path.dataset.to].includes(node.dataset.table);
    path.classList.toggle("lit", Boolean(touches));
  }
});

for (const timer of document.querySelectorAll("[data-timer]")) timer.hidden = false;
const running = find(".proof[data-running]");
if (running) watch(running);
