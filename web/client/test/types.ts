// Never run: that it compiles, and that the marked lines do not, is the test (tests/web).
import {
  ProblemError,
  createClient,
  createTestWallet,
  wallets,
  type Progress,
  type UpgradeEvent,
  type UpgradeView,
} from "nft-upgrade-client";

const client = createClient({ baseUrl: "https://nft.example", timing: { pollMs: 1000 } });

export async function whole(signal: AbortSignal): Promise<UpgradeView> {
  const wallet = await createTestWallet({ rpcUrl: "http://localhost:8899", storage: localStorage });
  await client.signIn(wallet, { signal });
  const { nfts } = await client.nfts({ signal });
  const [nft] = nfts;
  return client.upgrades.run({ wallet, nftId: nft.nftId, targetLevel: nft.level + 1, onProgress: tell, signal });
}

function tell(progress: Progress): string {
  switch (progress.type) {
    case "opened":
    case "completed":
      return progress.upgrade.status;
    case "wallet_asked":
    case "signed":
      return "";
    case "burn_sent":
      return progress.burnTransactionHash;
    case "event":
      return describe(progress.event);
    case "connection":
      return `${progress.state} ${progress.delayMs ?? 0}`;
  }
}

function describe(event: UpgradeEvent): string {
  if (event.type === "upgrade_completed") return event.data?.newNftId ?? "";
  if (event.type === "burn_rejected") return event.data?.code ?? "";
  // @ts-expect-error there is no such event
  if (event.type === "upgrade_complete") return "";
  return event.message;
}

export async function follow(id: string): Promise<void> {
  for await (const event of client.upgrades.watch(id, { lastEventId: 3, onState: ({ state }) => state === "live" })) {
    describe(event);
  }
  const { burnProof } = await client.upgrades.burnProof(id);
  burnProof?.checks.map(({ rule, outcome }) => `${rule} ${outcome}`);
  const { receipt } = await client.upgrades.receipt(id);
  receipt.newNftId.toUpperCase();
}

export function explain(error: unknown): string {
  if (!(error instanceof ProblemError)) return "";
  // @ts-expect-error no code of the API's is spelled so
  if (error.code === "nft_not_ownd") return "";
  return error.code === "rate_limited" ? `wait ${error.retryAfter} s` : error.message;
}

export async function misuse(): Promise<void> {
  const [found] = wallets.discover().list;
  const wallet = await found.connect({ silent: true, signal: new AbortController().signal });
  // @ts-expect-error a new upgrade needs its level
  await client.upgrades.run({ wallet, nftId: "N" });
  // @ts-expect-error an upgrade that goes on has its level
  await client.upgrades.run({ wallet, upgradeId: "U", targetLevel: 2 });
  // @ts-expect-error no status is called so
  await client.upgrades.list({ status: "done" });
}
