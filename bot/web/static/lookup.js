// /tra-cuu: search as one types, copying, the list that lives in this browser, and what was opened kept for when there is no network.
(() => {
  "use strict";
  const said = document.currentScript.dataset;
  const KEY = "trogiup-danh-sach";
  const PAUSE = 250;

  // The list: passage ids, newest last.
  const read = () => {
    try {
      const ids = JSON.parse(localStorage.getItem(KEY) || "[]");
      return Array.isArray(ids) ? ids.filter((id) => /^[0-9a-f]{8,64}$/.test(id)) : [];
    } catch {
      return [];
    }
  };
  const write = (ids) => {
    try {
      localStorage.setItem(KEY, JSON.stringify(ids.slice(-60)));
    } catch {
      // a browser that keeps nothing still searches
    }
  };

  const dress = (root) => {
    const ids = read();
    for (const button of root.querySelectorAll("button[hidden]")) button.hidden = false;
    for (const button of root.querySelectorAll("[data-save]")) {
      const kept = ids.includes(button.dataset.save);
      button.setAttribute("aria-pressed", String(kept));
      button.textContent = kept ? said.saved : said.toSave;
    }
  };

  const copy = async (button, words) => {
    const label = button.textContent;
    try {
      await navigator.clipboard.writeText(words);
      button.textContent = said.copied;
    } catch {
      button.textContent = said.copyFailed;
    }
    setTimeout(() => { button.textContent = label; }, 2500);
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.copy) copy(button, button.dataset.copy);
    else if (button.dataset.save) {
      const ids = read();
      write(ids.includes(button.dataset.save) ? ids.filter((id) => id !== button.dataset.save) : [...ids, button.dataset.save]);
      dress(document);
    } else if ("share" in button.dataset) copy(button, location.href);
    else if ("print" in button.dataset) print();
    else if ("clear" in button.dataset && confirm(said.clearSure)) {
      write([]);
      location.replace("/tra-cuu/danh-sach");
    }
  });

  // One's own list is shown under an address that can be sent on.
  const list = document.querySelector("[data-list]");
  if (list) {
    const own = read().join(",");
    const shown = new URLSearchParams(location.search).get("d") || "";
    if (list.dataset.list === "own" && own) location.replace("/tra-cuu/danh-sach?d=" + own);
    const clear = list.querySelector("[data-clear]");
    if (shown !== own) clear.remove();
    else list.querySelector("h1").textContent = list.dataset.title;
  }

  // Search as one types.
  const form = document.getElementById("tim");
  if (form) {
    const results = document.getElementById("ket-qua");
    const network = document.getElementById("mang");
    let timer = 0;
    let asking = null;
    const look = async () => {
      const wanted = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
      asking?.abort();
      asking = new AbortController();
      try {
        const response = await fetch("/tra-cuu/ket-qua?" + wanted, { signal: asking.signal });
        if (!response.ok) throw new Error(String(response.status));
        results.innerHTML = await response.text(); // made by our own templates, escaped there
        history.replaceState(null, "", "/tra-cuu" + (String(wanted) ? "?" + wanted : ""));
        network.hidden = true;
        dress(results);
      } catch (error) {
        if (error.name === "AbortError") return;
        network.textContent = said.network;
        network.hidden = false;
      }
    };
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(look, PAUSE);
    };
    form.addEventListener("input", soon);
    form.addEventListener("submit", (event) => {
      if (event.submitter?.hasAttribute("formaction")) return;
      event.preventDefault();
      clearTimeout(timer);
      look();
    });
  }

  dress(document);
  if ("serviceWorker" in navigator) navigator.serviceWorker.register("/tra-cuu/sw.js", { scope: "/tra-cuu" }).catch(() => {});
})();
