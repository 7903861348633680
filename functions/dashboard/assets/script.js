"use strict";
// Comfort only: every page works without this file.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const make = (tag, className, text = "") =>
  Object.assign(document.createElement(tag), { className, textContent: text });

// Screen readers tell only what enters a region that was there before.
const live = make("p", "quiet");
live.setAttribute("role", "status");
document.body.append(live);
const say = (text) => {
  live.textContent = "";
  setTimeout(() => (live.textContent = text), 50);
};

// Times in the viewer's zone, the UTC text as title. Other words ("in 3 days") stay.
const locale = navigator.language.startsWith("en") ? navigator.language : "en-GB";
for (const el of all("time[datetime]")) {
  const utc = el.textContent.trim();
  const when = new Date(el.dateTime);
  if (!utc.endsWith("UTC") || isNaN(when)) continue;
  el.title = utc;
  el.textContent = new Intl.DateTimeFormat(locale, {
    day: "numeric", month: "short", year: "numeric", hour: "numeric", minute: "2-digit",
    second: /:\d\d:/.test(utc) ? "2-digit" : undefined,
    timeZoneName: el.closest("table") ? undefined : "short", // tables are short of room
  }).format(when);
}

for (const button of all("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const label = button.textContent;
  button.hidden = false;
  button.onclick = async () => {
    let told = "Copied";
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
    } catch {
      // Not allowed, or no TLS: select it for the viewer's own copy command.
      getSelection().selectAllChildren(source);
      told = "Selected: press Ctrl+C or ⌘C";
    }
    say((button.textContent = told));
    setTimeout(() => (button.textContent = label), 2500);
  };
}

// Live filter of what is shown: a row stays when it holds every word typed; case and accents don't count. Enter searches the rest, too.
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
for (const input of all("input[data-filter]")) {
  const rows = all(`#${CSS.escape(input.dataset.filter)} tbody tr`);
  const texts = rows.map((row) => plain(row.textContent));
  const shown = make("output", "hint");
  input.after(shown);
  input.oninput = () => {
    // Of a whole key its first characters are what a row shows.
    const words = plain(input.value).split(/\s+/).map((word) => word.startsWith("sk_i") ? word.slice(0, 13) : word);
    rows.forEach((row, i) => (row.hidden = !words.every((word) => texts[i].includes(word))));
    const left = rows.filter((row) => !row.hidden).length;
    shown.textContent = rows.length && input.value.trim() ? `${left} of ${rows.length} shown` : "";
  };
  input.oninput(); // a reload may have kept the words
}

// A preset ticks its scopes; ticking by hand chooses the preset that says the same, or none.
const words = (preset) => preset.split(" ").filter(Boolean).sort();
for (const radio of all("[data-preset]")) {
  const boxes = all(".scopes [type=checkbox]", radio.form);
  radio.onchange = () => {
    const wanted = words(radio.dataset.preset);
    for (const box of boxes) box.checked = wanted.includes(box.value);
  };
  for (const box of boxes)
    box.addEventListener("change", () => {
      const ticked = boxes.filter((b) => b.checked).map((b) => b.value);
      radio.checked = `${ticked.sort()}` === `${words(radio.dataset.preset)}`;
    });
}

for (const radio of all("[data-custom]"))
  for (const box of all(".scopes [type=checkbox]", radio.form))
    box.addEventListener("change", () => {
      if (!all("[data-preset]:checked", radio.form).length) radio.checked = true;
    });

// What the ticked boxes come to, in the words of their rows and columns.
for (const summary of all("#summary")) {
  const rows = all(".scopes tbody tr", summary.closest("fieldset"));
  const heads = all(".scopes thead th", summary.closest("fieldset"));
  const tell = () => {
    const parts = rows.map((row) => {
      const held = [...row.cells].filter((cell) => cell.querySelector(":checked"));
      const actions = held.map((cell) => heads[cell.cellIndex].textContent);
      const last = actions.pop();
      const said = actions.length ? `${actions.join(", ")} and ${last}` : last;
      return last && `${said} ${row.cells[0].textContent}`.toLowerCase();
    });
    const can = parts.filter(Boolean).join("; ");
    summary.textContent = can ? `It can ${can}.` : "It can do nothing.";
  };
  summary.closest("form").addEventListener("change", tell);
  tell();
}

// A modal <dialog> keeps the focus, closes on Escape and gives the focus back.
for (const form of all("form[data-confirm]")) {
  let sure = false;
  form.onsubmit = (event) => {
    if (sure) return;
    event.preventDefault();
    const by = event.submitter;
    const dialog = make("dialog");
    const actions = make("div", "actions");
    const cancel = make("button", "", "Cancel");
    const go = make("button", by?.className || "primary", by?.textContent || "Continue");
    dialog.setAttribute("aria-label", form.dataset.confirm);
    cancel.onclick = () => dialog.close();
    go.onclick = () => {
      dialog.close();
      sure = true;
      form.requestSubmit(by);
      sure = false;
    };
    dialog.onclose = () => dialog.remove();
    actions.append(cancel, go);
    dialog.append(make("p", "", form.dataset.confirm), actions);
    document.body.append(dialog);
    dialog.showModal();
  };
}

// The menu closes on Escape, and when the focus or a click goes elsewhere.
for (const menu of all(".menu")) {
  const leave = ({ target }) => menu.contains(target) || (menu.open = false);
  document.addEventListener("click", leave);
  document.addEventListener("focusin", leave);
  menu.onkeydown = ({ key }) => {
    if (key !== "Escape") return;
    menu.open = false;
    menu.firstElementChild.focus();
  };
}

// On small screens the sections scroll sideways: show this one.
for (const here of all(".side [aria-current]")) {
  const show = () => (here.closest(".side").scrollLeft = here.offsetLeft - 64);
  addEventListener("resize", show);
  show();
}
