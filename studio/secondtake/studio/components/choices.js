// A question of a run: choices as buttons, or a field for any answer.

function made(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function button(label, send, isFirst) {
  const element = made("button", isFirst ? "primary" : "", label);
  element.type = "button";
  element.addEventListener("click", () => send(label));
  return element;
}

function field(send) {
  const form = made("form", "free");
  const input = made("textarea", "");
  input.rows = 1;
  input.placeholder = "Your answer";
  input.setAttribute("aria-label", "Your answer");
  const submit = made("button", "primary", "Answer");
  submit.type = "submit";
  form.append(input, submit);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (input.value.trim()) send(input.value);
  });
  input.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the page has keys of its own
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    form.requestSubmit();
  });
  return form;
}

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".ask");
  const shown = JSON.stringify(data);
  // A page that renews itself must not take away what is being written.
  if (root.shown === shown) return;
  root.shown = shown;
  const send = (text) => {
    for (const control of root.querySelectorAll("button, textarea")) control.disabled = true;
    root.querySelector(".note").textContent = "Sent, the run goes on in a moment.";
    setTriggerValue("answer", { text });
  };
  const head = made("div", "head");
  const icon = made("span", "icon", "person_raised_hand");
  icon.setAttribute("aria-hidden", "true");
  head.append(icon, made("b", "", "The run waits for a person"), made("span", "where", data.where));
  const controls = data.choices.length
    ? made("div", "choices")
    : field(send);
  data.choices.forEach((choice, place) => controls.append(button(choice, send, place === 0)));
  root.replaceChildren(
    head,
    made("div", "question", data.question),
    controls,
    made("div", "note", data.note ?? ""),
  );
}
