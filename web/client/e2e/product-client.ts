// Frontend: Direct HTTP calls to backend
class NFTUpgradeClient {
  // REST API calls - synchronous request/response
  async initiateUpgrade(nftId: string, targetLevel: number) {
    const response = await fetch('/api/nft/upgrade', {
      method: 'POST',
      body: JSON.stringify({ currentNftId: nftId, targetLevel })
    });
    return response.json(); // Returns upgradeRequestId immediately
  }

  // SSE connection - real-time updates from server
  subscribeToUpdates(upgradeRequestId: string, onUpdate: Function) {
    const eventSource = new EventSource(`/api/nft/upgrade/${upgradeRequestId}/events`);
    eventSource.onmessage = (event) => {
      const data = JSON.parse(event.data);
      onUpdate(data); // Real-time status updates
    };
  }
}
