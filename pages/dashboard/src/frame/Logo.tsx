export function Logo() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <path d="M16 1.5 28.6 8.8v14.4L16 30.5 3.4 23.2V8.8z" fill="#0f766e" />
      <path d="M10.5 21.5v-5M16 21.5v-11M21.5 21.5v-8" stroke="#fff" stroke-width="3" stroke-linecap="round" />
    </svg>
  );
}
