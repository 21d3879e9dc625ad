// The console's one script. Every page works without it; with it, copying, live parts, search as you type,
// and forms that keep what was typed when the answer is no.
const said = document.createElement("div");
said.className = "sr";
said.setAttribute("role", "status");
document.body.append(said);

// Copy buttons: the text to copy stands in data-copy.
async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  const [label] = button.childNodes;
  const before = label.textContent;
  label.textContent = "Copied";
  button.classList.add("done");
  said.textContent = "Copied";
  setTimeout(() => {
    label.textContent = before;
    button.classList.remove("done");
    said.textContent = "";
  }, 1600);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.classList.contains("copy")) copy(button);
  if (button && "themeSwitch" in button.dataset) switchTheme();
});

// Light and dark: the system's choice until the reader makes one.
function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  document.cookie = `connector-theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
}

// Times in the reader's own zone, on hover.
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "long" });
function settle(within) {
  for (const time of within.querySelectorAll("time")) time.title = full.format(new Date(time.dateTime));
  if (!navigator.clipboard) for (const button of within.querySelectorAll("button.copy")) button.hidden = true;
}
settle(document);

// On a narrow window the navigation is one line: the page one is on is in sight.
const nav = document.querySelector(".side");
const here = nav?.querySelector("[aria-current]");
if (here && nav.scrollWidth > nav.clientWidth) nav.scrollLeft = here.offsetLeft - nav.clientWidth / 2 + here.offsetWidth / 2;

// Parts of a page taken anew from the server: the element with the same id in a fresh copy of the page.
async function refresh(ids, url = location.href) {
  const answer = await fetch(url, { headers: { "X-Part": ids.join(",") }, redirect: "error" });
  if (!answer.ok) return false;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ids) {
    const [old, young] = [document.getElementById(id), fresh.getElementById(id)];
    if (!old || !young || old.innerHTML === young.innerHTML) continue;
    old.replaceWith(young);
    settle(young);
  }
  return true;
}

// Live parts: data-live on an element with an id says how many seconds to wait between looks.
for (const part of document.querySelectorAll("[data-live]")) {
  const { id } = part;
  const seconds = Number(part.dataset.live);
  const look = async () => {
    const element = document.getElementById(id);
    if (!element || !("live" in element.dataset)) return;
    const busy = element.contains(document.activeElement) && document.activeElement !== document.body;
    if (!document.hidden && !busy) await refresh([id]).catch(() => false);
    setTimeout(look, seconds * 1000);
  };
  setTimeout(look, seconds * 1000);
}

// Search as you type: a form with data-search names the part that its answer replaces.
for (const form of document.querySelectorAll("form[data-search]")) {
  let waiting;
  const address = () => {
    const fields = [...new FormData(form)].filter(([, value]) => value !== "");
    return `${location.pathname}?${new URLSearchParams(fields)}`;
  };
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const url = address();
      history.replaceState(null, "", url);
      await refresh([form.dataset.search], url).catch(() => false);
    }, 180);
  });
}

// Forms that do something: what went wrong is shown where it was asked for.
for (const form of document.querySelectorAll("form[data-doing]")) {
  form.addEventListener("submit", async (event) => {
    if ("once" in form.dataset) return;
    event.preventDefault();
    const buttons = [...form.querySelectorAll("button")];
    // The button that was pressed may be an answer itself: a disabled one would not be sent.
    const fields = new URLSearchParams(new FormData(form, event.submitter));
    for (const button of buttons) button.disabled = true;
    try {
      const answer = await fetch(form.action, {
        method: "POST", body: fields, headers: { Accept: "application/json" }, redirect: "error",
      });
      const found = await answer.json();
      if (answer.ok) {
        form.dispatchEvent(new CustomEvent("done", { bubbles: true }));
        if (found.then === location.pathname + location.search) location.reload();
        else location.assign(found.then);
        return;
      }
      complain(form, found.detail || found.title, answer.status === 409 && "decides" in form.dataset);
    } catch {
      complain(form, "The program did not answer. Is it running?");
    }
    for (const button of buttons) button.disabled = false;
  });
}

// Forms that are a page (data-keeps): where the answer is the page again, its parts are put in place and
// what was typed stays, secrets too, which the server never sends back.
for (const form of document.querySelectorAll("form[data-keeps]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const buttons = [...document.querySelectorAll("button")].filter((each) => each.form === form);
    const fields = new URLSearchParams(new FormData(form, event.submitter));
    for (const button of buttons) button.disabled = true;
    form.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.action, {
        method: "POST", body: fields, headers: { Accept: "application/json, text/html" }, redirect: "error",
      });
      const text = await answer.text();
      if (answer.headers.get("Content-Type").startsWith("application/json")) {
        const { then } = JSON.parse(text);
        if (then === location.pathname + location.search) location.reload();
        else location.assign(then);
        return;
      }
      take(new DOMParser().parseFromString(text, "text/html"));
    } catch {
      complain(form, "The program did not answer. Is it running?");
    }
    form.removeAttribute("aria-busy");
    for (const button of buttons) button.disabled = false;
  });
}

function take(fresh) {
  for (const part of document.querySelectorAll("[data-part]")) {
    const young = fresh.getElementById(part.id);
    if (young) part.replaceWith(young);
  }
  for (const field of document.querySelectorAll("[aria-describedby]")) {
    const told = document.getElementById(field.getAttribute("aria-describedby").split(" ")[0]);
    if (told?.dataset.part === undefined) continue;
    field.toggleAttribute("aria-invalid", told.textContent.trim() !== "");
  }
  settle(document);
  (document.querySelector("[aria-invalid]") || document.querySelector("[data-part] .said, .found"))?.focus();
}

// A page that answered a form and has an address of its own takes it, so that a reload shows it again.
const own = document.querySelector("[data-address]");
if (own) history.replaceState(null, "", own.dataset.address);

function complain(form, sentence, stale = false) {
  let told = form.querySelector(".said.bad");
  if (!told) {
    told = document.createElement("p");
    told.className = "said bad";
    told.setAttribute("role", "alert");
    form.prepend(told);
  }
  told.textContent = sentence;
  // Somebody was first: what stands here is no longer so.
  if (stale) told.append(" ", Object.assign(document.createElement("a"), { href: location.href, textContent: "Show it as it is now" }));
}

// One box that ticks all boxes of a name on this page.
document.addEventListener("change", (event) => {
  const { every } = event.target.dataset;
  if (!every) return;
  for (const box of document.querySelectorAll(`input[name="${every}"]`)) box.checked = event.target.checked;
});

// Items left out of a plan are remembered from page to page until the plan is decided.
const plan = document.querySelector("[data-plan]");
if (plan) {
  const key = `left out of ${plan.dataset.plan}`;
  const left = new Set(JSON.parse(sessionStorage.getItem(key) || "[]"));
  const show = () => {
    for (const box of document.querySelectorAll("input[name=exclude]")) box.checked = left.has(box.value);
    for (const counter of document.querySelectorAll("[data-left-out]")) {
      counter.textContent = left.size ? `${left.size} left out` : "";
    }
    sessionStorage.setItem(key, JSON.stringify([...left]));
  };
  document.addEventListener("change", (event) => {
    if (event.target.name !== "exclude") return;
    if (event.target.checked) left.add(event.target.value);
    else left.delete(event.target.value);
    show();
  });
  document.addEventListener("formdata", (event) => {
    if (!event.target.matches("[data-takes-excluded]")) return;
    event.formData.delete("exclude");
    for (const id of left) event.formData.append("exclude", id);
  });
  document.addEventListener("done", (event) => {
    if (event.target.matches("[data-decides]")) sessionStorage.removeItem(key);
  });
  show();
}

// A one-time link goes on by itself.
document.querySelector("form[data-at-once]")?.requestSubmit();
