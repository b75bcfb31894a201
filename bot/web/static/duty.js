/* The duty desk, live. Pages work without it: it keeps the list or the case fresh, counts the clocks on, and calls when somebody is in danger. */
"use strict";
(() => {
  const desk = document.getElementById("ban-truc");
  const script = document.currentScript;
  const icon = document.querySelector('link[rel="icon"]');
  const title = document.title;
  const RING_AGAIN_MS = 15000;
  const OFFLINE_AFTER_MS = 5000;
  const AGAIN_MS = 3000;
  let danger = new Set();
  let tone = null;
  let news = false;
  let lost = 0;

  /* Clocks: the server's, counted on from when the page came. */
  const shape = seconds => {
    const two = number => String(number).padStart(2, "0");
    const hours = Math.floor(seconds / 3600), minutes = Math.floor(seconds / 60) % 60;
    return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
  };
  const anchor = root => {
    for (const clock of root.querySelectorAll("time[data-since]")) {
      clock.start = performance.now() - (clock.dataset.now - clock.dataset.since) * 1000;
    }
  };
  const tick = () => {
    for (const clock of document.querySelectorAll("time[data-since]")) {
      clock.textContent = shape(Math.max(0, Math.floor((performance.now() - clock.start) / 1000)));
    }
  };

  /* What is fresh: the list, or the parts of a case. */
  const refreshList = (place, html) => {
    if (place.contains(document.activeElement)) {
      const link = document.activeElement.closest("[data-case]");
      const wanted = link && [`[data-case="${link.dataset.case}"]`, document.activeElement.tagName.toLowerCase()].join(" ");
      place.innerHTML = html;
      const again = wanted && place.querySelector(wanted);
      if (again) again.focus();
    } else {
      place.innerHTML = html;
    }
  };
  const dirty = () => [...document.querySelectorAll("main textarea, main input:not([type=hidden]), main select")].some(field =>
    field.type === "radio" || field.type === "checkbox" ? field.checked !== field.defaultChecked
      : field.tagName === "SELECT" ? [...field.options].some(option => option.selected !== option.defaultSelected) && field.selectedIndex > 0
      : field.value !== field.defaultValue || "draft" in field.dataset);
  /* Only what differs, so that a screen reader reads new lines alone and what was unfolded stays so. */
  const patch = (place, fresh) => {
    if (!place || !fresh) return;
    const bare = line => line.outerHTML.replaceAll(' open=""', "");
    const before = [...place.children], lines = [...fresh.children];
    lines.forEach((line, index) => {
      if (!before[index]) place.append(line);
      else if (bare(before[index]) !== bare(line)) before[index].replaceWith(line);
    });
    before.slice(lines.length).forEach(line => line.remove());
  };
  const refreshCase = (place, html) => {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    const fresh = holder.content.querySelector("#song");
    if (!fresh) return;
    if (fresh.dataset.state !== place.dataset.state || fresh.dataset.holder !== place.dataset.holder) {
      if (!dirty()) {
        location.reload();
        return;
      }
      document.getElementById("doi").hidden = false;
      return; /* what was typed stays with what it was typed for */
    }
    if (Number(fresh.dataset.lines) > Number(place.dataset.lines) && document.hidden) news = true;
    for (const part of [".case-bar", ".safety"]) place.querySelector(part).replaceWith(fresh.querySelector(part));
    patch(place.querySelector(".said"), fresh.querySelector(".said"));
    Object.assign(place.dataset, fresh.dataset);
    const mark = document.querySelector('input[name="mark"]');
    if (mark) mark.value = fresh.dataset.mark;
  };
  /* One at a time: an older answer never covers a newer one. */
  let busy = false, again = false;
  const refresh = async () => {
    if (!desk.dataset.live) return;
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      await bring();
    } finally {
      busy = false;
      if (again) {
        again = false;
        refresh().catch(() => {});
      }
    }
  };
  const bring = async () => {
    const answer = await fetch(desk.dataset.live, { headers: { Accept: "application/json" }, cache: "no-store" });
    if (answer.status === 401 && !dirty()) location.reload();
    if (!answer.ok) return;
    const html = await answer.text();
    const list = document.getElementById("hang-doi"), one = document.getElementById("song");
    if (list) refreshList(list, html);
    else if (one) refreshCase(one, html);
    anchor(document);
    tick();
    show();
  };

  /* The alarm: tone, title, icon, badge, and a notice of the system. Nothing of what was written is ever in it. */
  const beep = () => {
    if (!tone || tone.state !== "running") return;
    [880, 660, 880].forEach((pitch, index) => {
      const source = tone.createOscillator(), volume = tone.createGain();
      const at = tone.currentTime + index * 0.22;
      source.frequency.value = pitch;
      volume.gain.setValueAtTime(0.0001, at);
      volume.gain.exponentialRampToValueAtTime(0.3, at + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.2);
      source.connect(volume).connect(tone.destination);
      source.start(at);
      source.stop(at + 0.21);
    });
    document.documentElement.dataset.rang = String(Number(document.documentElement.dataset.rang || 0) + 1);
  };
  const notice = id => {
    if (!("Notification" in window) || Notification.permission !== "granted") return;
    try {
      const shown = new Notification(desk.dataset.alarmTitle, { body: desk.dataset.alarmText.replace("{id}", id), tag: id, requireInteraction: true });
      shown.onclick = () => { window.focus(); location.assign(`/truc/ca/${encodeURIComponent(id)}`); };
    } catch {
      /* Telephones want a service worker for it: tone and title must do. */
    }
  };
  let flash = false;
  const show = () => {
    const alarmed = danger.size > 0;
    flash = alarmed && !flash;
    const count = alarmed ? `(${danger.size}) ` : "";
    document.title = flash ? `${count}${desk.dataset.alarmTitle}` : news ? `${count}${desk.dataset.new} – ${title}` : `${count}${title}`;
    const wanted = alarmed ? script.dataset.alarmIcon : script.dataset.icon;
    if (icon && icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
    document.body.classList.toggle("alarmed", alarmed);
    if (navigator.setAppBadge) (alarmed ? navigator.setAppBadge(danger.size) : navigator.clearAppBadge()).catch(() => {});
  };
  const hear = ids => {
    const fresh = ids.filter(id => !danger.has(id));
    danger = new Set(ids);
    if (fresh.length) {
      beep();
      fresh.forEach(notice);
    }
    show();
  };

  const listen = () => {
    const source = new EventSource(desk.dataset.stream);
    const note = document.getElementById("mat-ket-noi");
    source.onopen = () => { clearTimeout(lost); lost = 0; note.hidden = true; };
    source.onerror = () => {
      if (!lost) lost = setTimeout(() => { note.hidden = false; }, OFFLINE_AFTER_MS);
      if (source.readyState === EventSource.CLOSED) setTimeout(() => { source.close(); listen(); }, AGAIN_MS); /* an error page: the log-in, or a restart */
    };
    source.addEventListener("pulse", event => {
      const pulse = JSON.parse(event.data);
      hear(pulse.danger);
      refresh().catch(() => {}); /* the next pulse, at the latest that of the next stream, tries again */
    });
  };

  /* Switches, which need a hand on them: browsers allow neither tone nor notice without. */
  const say = words => { const place = document.getElementById("noi-voi-toi"); if (place) place.textContent = words; };
  const switches = () => {
    const sound = document.getElementById("am-bao"), system = document.getElementById("thong-bao");
    if (!sound) return;
    document.querySelector(".tools").hidden = false;
    const set = on => {
      sound.setAttribute("aria-pressed", String(on));
      sound.textContent = on ? sound.dataset.on : sound.dataset.off;
    };
    sound.addEventListener("click", async () => {
      if (sound.getAttribute("aria-pressed") === "true") {
        localStorage.removeItem("truc-am-bao");
        if (tone) await tone.suspend();
        set(false);
        return;
      }
      localStorage.setItem("truc-am-bao", "1");
      await wake();
      set(Boolean(tone));
      beep();
    });
    set(false);
    sound.switched = set;
    if (!("Notification" in window)) system.hidden = true;
    else if (Notification.permission === "granted") system.hidden = true;
    system.addEventListener("click", async () => {
      const answer = await Notification.requestPermission();
      say(answer === "granted" ? system.dataset.granted : system.dataset.denied);
      system.hidden = answer === "granted";
    });
  };
  const wake = async () => {
    tone = tone || new AudioContext();
    await tone.resume();
  };
  /* Once switched on, it stays so: the first touch of a page brings the tone back. */
  const remembered = async () => {
    if (localStorage.getItem("truc-am-bao") !== "1") return;
    tone = tone || new AudioContext();
    const ready = () => { const sound = document.getElementById("am-bao"); if (sound && sound.switched && tone.state === "running") sound.switched(true); };
    tone.addEventListener("statechange", ready);
    ready();
    document.addEventListener("pointerdown", () => { if (localStorage.getItem("truc-am-bao") === "1") tone.resume().catch(() => {}); }, { once: true });
  };

  /* Ready replies go into the box; the officer changes and sends them. */
  document.addEventListener("click", event => {
    const link = event.target.closest("a[data-text]");
    const box = document.getElementById("tra-loi");
    if (!link || !box || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    box.value = box.value.trim() ? `${box.value.trim()}\n${link.dataset.text}` : link.dataset.text;
    box.closest("form").scrollIntoView({ block: "nearest" });
    box.focus();
  });
  /* Ctrl+Enter sends; Enter alone makes a line. */
  document.addEventListener("keydown", event => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.id === "tra-loi") event.target.form.requestSubmit();
  });
  /* Two clicks are one. */
  document.addEventListener("submit", event => {
    const form = event.target;
    if (form.sent) event.preventDefault();
    form.sent = true;
  });
  window.addEventListener("pageshow", event => { if (event.persisted) location.reload(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { news = false; show(); } });

  /* After sending, a keyboard goes on; on a telephone it would cover the conversation. */
  if (location.hash === "#tro-chuyen" && matchMedia("(pointer: fine)").matches) document.getElementById("tra-loi")?.focus({ preventScroll: true });

  switches();
  remembered();
  anchor(document);
  tick();
  setInterval(() => { tick(); if (danger.size) show(); }, 1000);
  setInterval(() => { if (danger.size) beep(); }, RING_AGAIN_MS);
  if (desk.dataset.stream && "EventSource" in window) listen(); /* who is no officer reads the roster only */
})();
