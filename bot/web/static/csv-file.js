// Puts a chosen file into the box below it; without a script it is pasted there.
"use strict";
for (const input of document.querySelectorAll("input[type=file][data-into]")) {
  input.closest("p").hidden = false;
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (file) document.getElementById(input.dataset.into).value = await file.text();
  });
}
