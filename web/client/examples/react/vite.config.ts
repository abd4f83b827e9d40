import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  // The session is a cookie of the API's origin: in development the page borrows it.
  server: { proxy: { "/api": "http://localhost:8000" } },
});
