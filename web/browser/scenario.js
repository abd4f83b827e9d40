// Scenarios by name, which is a sentence about the page; tests/web runs each as a test of its own.

export const scenarios = new Map();

/** `run(world, told)` throws when the page does not do what the name says. */
export function scenario(name, run) {
  scenarios.set(name, run);
}
