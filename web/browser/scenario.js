// Scenarios by name, which is a sentence about the page; tests/web runs each as a test of its own.

/** name -> {run, isAlone} */
export const scenarios = new Map();

/** `run(world, told)` throws when the page does not do what the name says. */
export function scenario(name, run) {
  scenarios.set(name, { run, isAlone: false });
}

/** It changes the chain, or a server, for everybody: nobody else plays meanwhile. */
export function scenarioAlone(name, run) {
  scenarios.set(name, { run, isAlone: true });
}
