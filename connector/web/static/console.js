// Copy buttons: the text to copy stands in data-copy. Without scripts the text can be selected.
const said = document.createElement("div");
said.className = "sr";
said.setAttribute("role", "status");
document.body.append(said);

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

for (const button of document.querySelectorAll("button.copy")) {
  if (!navigator.clipboard) button.hidden = true;
  button.addEventListener("click", () => copy(button));
}

// Times in the reader's own zone, on hover.
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "long" });
for (const time of document.querySelectorAll("time")) {
  time.title = full.format(new Date(time.dateTime));
}
