(() => {
  "use strict";
  const control = document.getElementById("round-control");
  if (control) {
    const section = document.getElementById("pictures");
    const slider = document.getElementById("round-slider");
    const shown = document.getElementById("round-shown");
    const all = document.getElementById("round-all");
    const rounds = slider.dataset.rounds.split(" ");
    const rows = section.querySelectorAll("[data-round]");
    const update = () => {
      const round = rounds[Number(slider.value)];
      rows.forEach((row) => row.classList.toggle("shown", row.dataset.round === round));
      section.classList.toggle("one-round", !all.checked);
      slider.disabled = all.checked;
      slider.setAttribute("aria-valuetext", "round " + round);
      shown.textContent = all.checked ? "" : round + " of " + rounds[rounds.length - 1];
    };
    control.addEventListener("submit", (event) => event.preventDefault());
    slider.addEventListener("input", update);
    all.addEventListener("change", update);
    control.hidden = false;
    update();
  }
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((one) => { one.open = false; }));
})();
