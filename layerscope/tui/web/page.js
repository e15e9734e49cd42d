document.getElementById("again").addEventListener("click", () => location.reload());
