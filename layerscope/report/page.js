"use strict";
(() => {
  const all = (query, root = document) => [...root.querySelectorAll(query)];

  // Theme: as the system has it, light, dark.
  const themes = ["auto", "light", "dark"];
  const button = document.getElementById("theme");
  const show = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = { auto: "◐ auto", light: "○ light", dark: "● dark" }[theme];
    button.value = theme;
  };
  const kept = () => {
    try { return localStorage.getItem("layerscope-theme"); } catch { return null; }
  };
  show(themes.includes(kept()) ? kept() : "auto");
  button.hidden = false;
  button.addEventListener("click", () => {
    show(themes[(themes.indexOf(button.value) + 1) % themes.length]);
    try { localStorage.setItem("layerscope-theme", button.value); } catch { /* not kept, then */ }
  });

  // Tables: a click on a title sorts, the third one brings the first order back.
  const value = (row, place) => {
    const cell = row.cells[place];
    return cell.dataset.v === undefined ? cell.textContent.trim() : Number(cell.dataset.v);
  };
  for (const table of all("table.sortable")) {
    const body = table.tBodies[0], first = [...body.rows];
    all("th", table).forEach((title, place) => {
      const press = document.createElement("button");
      press.type = "button";
      press.textContent = title.textContent;
      title.replaceChildren(press);
      press.addEventListener("click", () => {
        const numbers = first.some((row) => row.cells[place].dataset.v !== undefined);
        const order = numbers ? ["descending", "ascending"] : ["ascending", "descending"];
        const next = order[order.indexOf(title.getAttribute("aria-sort")) + 1];
        all("th", table).forEach((each) => each.removeAttribute("aria-sort"));
        let rows = first;
        if (next) {
          title.setAttribute("aria-sort", next);
          const sign = next === "ascending" ? 1 : -1;
          rows = first.map((row) => [value(row, place), row]).sort(([a], [b]) =>
            sign * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b))),
          ).map(([, row]) => row);
        }
        body.append(...rows);
      });
    });
    const unfold = () => table.classList.remove("short");
    if (first.length > 60) {
      table.classList.add("short");
      const more = document.createElement("button");
      more.type = "button";
      more.className = "more";
      more.textContent = `Show all ${first.length.toLocaleString("en")} rows`;
      more.addEventListener("click", () => { unfold(); more.remove(); });
      table.parentElement.after(more);
    }
    const head = table.closest("section").querySelector(".head");
    if (first.length > 15 && !head.querySelector(".find")) {
      const find = document.createElement("input");
      find.type = "search";
      find.className = "find";
      find.placeholder = "Filter";
      find.setAttribute("aria-label", "Filter the rows of this table");
      find.addEventListener("input", () => {
        const wanted = find.value.toLowerCase();
        unfold();
        table.closest("section").querySelector(".more")?.remove();
        for (const row of first) row.hidden = !row.textContent.toLowerCase().includes(wanted);
      });
      head.append(find);
    }
  }

  // Fixes: copied with one click.
  const copy = async (text, near) => {
    try { await navigator.clipboard.writeText(text); return true; } catch { /* the old way, then */ }
    const area = document.createElement("textarea");
    area.value = text;
    near.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  for (const press of all(".copy")) {
    press.hidden = false;
    press.addEventListener("click", async () => {
      const done = await copy(press.parentElement.querySelector(".whole").textContent, press.parentElement);
      press.textContent = done ? "copied" : "select it";
      setTimeout(() => { press.textContent = "copy"; }, 1500);
    });
  }

  // Map: the tile under the pointer, or the tapped one, is described below it.
  const pointed = document.getElementById("pointed");
  for (const map of all(".map")) {
    const tell = (event) => {
      const tile = event.target.closest("g");
      if (tile) pointed.textContent = tile.querySelector("title").textContent;
    };
    map.addEventListener("pointerover", tell);
    map.addEventListener("click", tell);
  }
})();
