// A session of another independent charge point (npm em-ocpp-chargepoint-simulator) by TLS: it comes with
// a password, has its own key signed, comes again with the certificate, and charges.
// URL_WITH_PASSWORD, ID_TAG and NAME come by the environment.
const charge = async (connect) => {
  const say = (what) => process.stderr.write(`SAID ${JSON.stringify(what)}\n`);
  const now = () => new Date().toISOString();
  const { URL_WITH_PASSWORD, ID_TAG, NAME } = process.env;
  const cp = await connect(URL_WITH_PASSWORD, NAME);
  await cp.sendBootnotification({ chargePointVendor: 'Independent', chargePointModel: 'EM' });
  const { key, csr } = await cp.generateCsr(`/CN=${NAME}/O=Independent`);
  const signed = new Promise((resolve) => {
    cp.answerCertificateSigned((request) => {
      cp.sendResponse(request.uniqueId, { status: 'Accepted' });
      resolve(request.payload.certificateChain);
    });
  });
  say({ sign: await cp.sendSignCertificate({ csr }) });
  cp.keystore().save('-signed', key, await signed);
  await cp.reConnect();
  say({ boot: await cp.sendBootnotification({ chargePointVendor: 'Independent', chargePointModel: 'EM' }) });
  await cp.sendStatusNotification({ connectorId: 1, errorCode: 'NoError', status: 'Preparing' });
  const begun = await cp.startTransaction({ connectorId: 1, idTag: ID_TAG, meterStart: 1000, timestamp: now() });
  say({ start: begun });
  await cp.meterValues({
    connectorId: 1,
    transactionId: begun.transactionId,
    meterValue: [{ timestamp: now(), sampledValue: [{ value: '1700' }] }],
  });
  await cp.stopTransaction({ transactionId: begun.transactionId, meterStop: 2500, timestamp: now() });
  say({ done: true });
  cp.close();
  process.exit(0);
};

module.exports = (connect) => charge(connect).catch((error) => {
  process.stderr.write(`${error.stack || error}\n`);
  process.exit(1);
});
