// The chat with JavaScript: sends without leaving the page and sends again, with the same message id, when the network was lost.
// Without it the form works as it stands. Everything that is shown goes in as text, never as HTML.
(() => {
  "use strict";
  const API = "/api/v1/messages";
  const RETRY_AFTER_MS = [1000, 2000, 4000, 8000];
  const GIVE_UP_ON_ONE_TRY_MS = 20000;
  const COUNTER_FROM = 400;
  const WAIT_S = 25;
  const MOST_FAILURES = 2;
  const LOOK_AGAIN_MS = [1000, 2000, 4000, 8000, 15000];

  const words = JSON.parse(document.getElementById("texts").textContent);
  const main = document.querySelector("main.chat");
  const form = document.getElementById("ask");
  const input = document.getElementById("cau-hoi");
  const log = document.getElementById("log");
  const waiting = document.getElementById("waiting");
  const alarm = document.getElementById("alarm");
  const counter = document.getElementById("counter");
  let sending = Promise.resolve();

  // ---- elements -------------------------------------------------------------------------------------------------------

  function element(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children.filter((child) => child !== null));
    return node;
  }

  const list = (tag, attributes, items) => element(tag, attributes, ...items.map((item) => element("li", {}, ...[item].flat())));
  const section = (name, title, body) => element("section", { class: name }, element("h3", {}, title), body);

  function questionTurn(text) {
    return element("article", { class: "turn mine" }, element("h2", { class: "sr-only" }, words.chat.you), element("p", { class: "text" }, text));
  }

  // The notices stand in a box of their own; in the text they would be read twice.
  const told = (answer) => answer.text.split("\n").filter((line) => !answer.notices.includes(line)).join("\n");

  function answerTurn(answer) {
    const urgent = answer.kind === "urgent";
    const hotlines = answer.hotlines.length
      ? list("ul", { class: "hotlines", "aria-label": words.answer.hotlines }, answer.hotlines.map(hotline))
      : null;
    return element(
      "article",
      { class: `turn reply ${answer.kind}` },
      element("h2", { class: "sr-only" }, words.chat.assistant),
      urgent ? element("p", { class: "urgent-label" }, words.answer.urgent) : null,
      urgent ? hotlines : null,
      element("p", { class: "text" }, told(answer)),
      urgent ? null : hotlines,
      answer.notices.length ? section("notices", words.answer.notices, list("ul", {}, answer.notices)) : null,
      answer.citations.length ? section("sources", words.answer.sources, list("ol", {}, answer.citations.map(source))) : null,
      answer.case_id ? element("p", { class: "case" }, `${words.answer.case}: `, element("b", {}, answer.case_id)) : null,
      answer.suggestions.length ? section("suggestions", answer.kind === "clarify" ? words.answer.choices : words.answer.suggestions, chips(answer.suggestions)) : null,
    );
  }

  function hotline(line) {
    const [state, label] =
      line.open_now === true ? ["open", words.answer.open] : line.open_now === false ? ["closed", words.answer.closed] : ["unclear", words.answer.hours_unknown];
    return element(
      "a",
      { class: "call", href: `tel:${line.phone.replace(/[^0-9+*#]/g, "")}` },
      element("b", {}, `${words.answer.call} ${line.phone}`),
      " ",
      element("span", { class: "name" }, line.name),
      " ",
      element("span", { class: `hours ${state}` }, line.hours ? `${line.hours} · ${label}` : label),
    );
  }

  function source(citation) {
    const name = citation.number ? `${words.answer.number} ${citation.number}` : citation.title || words.answer.no_number;
    const period = [...new Set([citation.valid_from, citation.valid_to].filter(Boolean).map((date) => date.slice(0, 4)))].join("–");
    return [
      element(
        "a",
        {
          href: `/tai-lieu/${encodeURIComponent(citation.document_id)}?tu=${citation.start}&den=${citation.end}#trich`,
          target: "_blank",
          rel: "noopener",
        },
        citation.province ? `${name}, ${citation.province}` : name,
        element("span", { class: "sr-only" }, ` (${words.answer.new_tab})`),
      ),
      " ",
      element("span", { class: `badge badge-${citation.status}` }, words.status[citation.status] + (period ? ` (${period})` : "")),
      citation.heading_path.length ? element("p", { class: "path" }, citation.heading_path.join(" › ")) : "",
      element("details", {}, element("summary", {}, words.answer.quote), element("blockquote", {}, citation.quote)),
    ];
  }

  function chips(choices) {
    return list(
      "ul",
      { class: "chips" },
      choices.map((choice) => element("button", { type: "submit", form: "ask", name: "choice", value: choice, formnovalidate: "" }, choice)),
    );
  }

  function sentTurn(row) {
    const officer = row.kind === "officer";
    return element(
      "article",
      { class: `turn ${row.kind}`, "data-id": row.id },
      element("h2", officer ? {} : { class: "sr-only" }, officer ? words.chat.officer : words.chat.notice),
      element("p", { class: "text" }, row.text),
    );
  }

  // ---- sending --------------------------------------------------------------------------------------------------------

  function newId() {
    if (crypto.randomUUID) return crypto.randomUUID();
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  /** One try: {answer}, {refused: words} where asking again cannot help, or {again: ms, note} where it can. */
  async function tryOnce(body, wait) {
    let response;
    try {
      response = await fetch(API, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout ? AbortSignal.timeout(GIVE_UP_ON_ONE_TRY_MS) : undefined,
      });
      if (response.ok) return { answer: await response.json() };
    } catch {
      return { again: wait, note: words.chat.offline };
    }
    if (response.status === 429) return { again: Math.max(wait, 1000 * (Number(response.headers.get("Retry-After")) || 0)), note: words.chat.busy };
    if (response.status >= 500) return { again: wait, note: words.chat.offline };
    if (response.status === 413) return { refused: words.chat.too_long };
    const problem = await response.json().catch(() => ({}));
    return { refused: typeof problem.detail === "string" ? problem.detail : words.chat.failed };
  }

  async function deliver(text, messageId, turn) {
    const body = { conversation_id: main.dataset.conversation, text, message_id: messageId };
    waiting.textContent = words.chat.waiting;
    let result;
    for (const wait of [...RETRY_AFTER_MS, null]) {
      result = await tryOnce(body, wait ?? 0);
      if (result.again === undefined || wait === null) break;
      waiting.textContent = result.note;
      await pause(result.again);
    }
    waiting.textContent = "";
    if (result.answer) showAnswer(result.answer, turn);
    else if (result.refused) show(element("p", { class: "error" }, result.refused));
    else showUnsent(text, messageId, turn);
  }

  function send(text) {
    document.querySelector(".examples")?.remove();
    document.getElementById("loi")?.remove();
    const turn = questionTurn(text);
    log.append(turn);
    turn.scrollIntoView({ block: "nearest" });
    const messageId = newId();
    sending = sending.then(() => deliver(text, messageId, turn));
  }

  // ---- showing --------------------------------------------------------------------------------------------------------

  const nearEnd = () => document.documentElement.scrollHeight - window.innerHeight - window.scrollY < 160;

  /** Follows the conversation only where the reader is at its end; somebody reading further up is left there. */
  function show(node) {
    const follow = nearEnd();
    log.append(node);
    if (follow) (node.previousElementSibling ?? node).scrollIntoView({ block: "start" });
  }

  function showAnswer(answer, question) {
    if (answer.case_id) listen();
    if (!answer.text) {
      question.append(element("p", { class: "sent" }, words.chat.sent)); // somebody on duty reads it
      return;
    }
    const turn = answerTurn(answer);
    show(turn);
    if (answer.kind !== "urgent") return;
    const numbers = answer.hotlines.map((line) => `${words.answer.call} ${line.phone}, ${line.name}.`).join(" ");
    alarm.textContent = `${words.answer.urgent}. ${numbers}`;
    turn.scrollIntoView({ block: "start" });
  }

  function showUnsent(text, messageId, turn) {
    const again = element("button", { type: "button", class: "button" }, words.chat.retry);
    const notice = element("div", { class: "error" }, element("p", {}, words.chat.unsent), again);
    again.addEventListener("click", () => {
      notice.remove();
      input.focus();
      sending = sending.then(() => deliver(text, messageId, turn));
    });
    show(notice);
  }

  // ---- what comes outside of an answer --------------------------------------------------------------------------------

  let after = Number(main.dataset.after);
  let listening = false;

  function showSent(row) {
    after = Math.max(after, row.id);
    const old = row.replaces === null ? null : log.querySelector(`[data-id="${row.replaces}"]`);
    if (old === null) {
      if (log.querySelector(`[data-id="${row.id}"]`) === null) show(sentTurn(row));
      return;
    }
    old.dataset.id = row.id;
    old.querySelector(".text").textContent = row.text;
    if (old.querySelector(".sent") === null) old.append(element("p", { class: "sent" }, words.chat.edited));
  }

  const path = (kind) => `/api/v1/conversations/${encodeURIComponent(main.dataset.conversation)}/${kind}?after=${after}`;

  /** By a stream where the browser and the way to the server have one; by asking again and again where not. */
  function listen() {
    if (listening) return;
    listening = true;
    if ("EventSource" in window) follow();
    else poll();
  }

  /** The browser opens a stream that ended by itself again, and says what it has; when that fails twice running, something between holds it up. */
  function follow() {
    const source = new EventSource(path("events"));
    let failures = 0;
    source.addEventListener("open", () => { failures = 0; });
    source.addEventListener("message", (event) => {
      showSent(JSON.parse(event.data));
      ask(0).catch(() => {}); // asking for what comes after it says that it has arrived
    });
    source.addEventListener("error", () => {
      failures += 1;
      if (source.readyState !== EventSource.CLOSED && failures < MOST_FAILURES) return;
      source.close();
      poll();
    });
  }

  async function ask(wait) {
    const response = await fetch(`${path("updates")}&wait=${wait}`, { signal: AbortSignal.timeout ? AbortSignal.timeout((wait + 10) * 1000) : undefined });
    if (!response.ok) throw new Error(String(response.status));
    (await response.json()).updates.forEach(showSent);
  }

  /** Each time until there is something or some seconds are over; after a lost network, in growing pauses. */
  async function poll() {
    let failures = 0;
    for (;;) {
      try {
        await ask(WAIT_S);
        failures = 0;
      } catch {
        await pause(LOOK_AGAIN_MS[Math.min(failures++, LOOK_AGAIN_MS.length - 1)]);
      }
    }
  }

  if (main.dataset.live !== undefined) {
    listen();
    log.lastElementChild?.scrollIntoView({ block: "nearest" });
  }

  function count() {
    const left = input.maxLength - input.value.length;
    counter.hidden = left > COUNTER_FROM;
    counter.textContent = words.chat.counter.replace("{n}", left);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const choice = event.submitter?.name === "choice" ? event.submitter.value : null;
    const text = (choice ?? input.value).trim();
    if (!text) return;
    if (choice === null) {
      input.value = "";
      count();
      input.focus();
    } else if (event.submitter.closest(".examples")) {
      input.focus({ preventScroll: true });
    }
    send(text);
  });

  input.addEventListener("keydown", (event) => {
    // 229: an input method is still putting a letter together (Vietnamese keyboards).
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    form.requestSubmit();
  });
  input.addEventListener("input", count);
  count();
})();
