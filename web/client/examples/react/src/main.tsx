import { createClient, wallets, type Progress } from "nft-upgrade-client";
import { useState } from "react";
import { createRoot } from "react-dom/client";

const client = createClient();
const found = wallets.discover();

function Upgrade() {
  const [steps, setSteps] = useState<Progress[]>([]);
  const [failure, setFailure] = useState("");
  const upgrade = async () => {
    const wallet = await found.list[0].connect();
    await client.signIn(wallet);
    const { nfts: [nft] } = await client.nfts();
    const onProgress = (step: Progress) => setSteps((before) => [...before, step]);
    await client.upgrades.run({ wallet, nftId: nft.nftId, targetLevel: nft.level + 1, onProgress });
  };
  return (
    <main>
      <button onClick={() => upgrade().catch((error) => setFailure(error.message))}>Burn and upgrade</button>
      <ol>{steps.map((step, i) => step.type === "event" && <li key={i}>{step.event.message}</li>)}</ol>
      <p role="alert">{failure}</p>
    </main>
  );
}

createRoot(document.getElementById("root")!).render(<Upgrade />);
