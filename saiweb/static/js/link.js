// Puts what stands behind the # of a one-time link into the form and sends it; the address bar keeps nothing of it.
const form = document.querySelector("[data-link-form]");
const code = location.hash.slice(1);
if (form && code) {
  history.replaceState(null, "", location.pathname);
  form.elements.code.value = code;
  form.requestSubmit();
}
