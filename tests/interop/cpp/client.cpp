// A client of gSOAP's: its generated types with strict validation, its plugins for UsernameToken and HTTP Digest.
//
// client wsse|digest COMMAND URL USER PASSWORD ARGUMENT...     prints one JSON object

#include "PullPointSubscriptionBinding.nsmap" // the namespaces of all bindings
#include "httpda.h"
#include "soapH.h"
#include "wsseapi.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

using std::string;
using strings = std::vector<string>;

namespace {

const char *const SECURITY = "http://www.onvif.org/ver10/advancedsecurity/wsdl";
const char *const EVENTS = "http://www.onvif.org/ver10/events/wsdl";
const char *const SHA256_WITH_RSA = "1.2.840.113549.1.1.11";
const int TIMEOUT = 60; // seconds: for an answer, and for a key

string quoted(const string &text)
{
    string result = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\')
            result += '\\';
        result += c;
    }
    return result + '"';
}

string listed(const strings &values) // each is JSON already
{
    string result;
    for (const string &value : values)
        result += (result.empty() ? "" : ", ") + value;
    return "[" + result + "]";
}

class Fault : public std::runtime_error {
public:
    explicit Fault(struct soap *soap) : std::runtime_error(described(soap))
    {
        struct SOAP_ENV__Fault *fault = soap->fault;
        if (!fault || !fault->SOAP_ENV__Code)
            return;
        codes.push_back(fault->SOAP_ENV__Code->SOAP_ENV__Value);
        for (auto *code = fault->SOAP_ENV__Code->SOAP_ENV__Subcode; code; code = code->SOAP_ENV__Subcode)
            codes.push_back(code->SOAP_ENV__Value);
        reason = *soap_faultstring(soap);
    }

    strings codes;
    string reason;

private:
    static string described(struct soap *soap)
    {
        std::ostringstream text;
        soap_stream_fault(soap, text);
        return text.str();
    }
};

// What was created with it lives as long as it does.
class Client {
public:
    Client(const string &mode, const string &user, const string &password, const char *ca = NULL)
        : soap(soap_new1(SOAP_XML_STRICT | SOAP_C_UTFSTRING)), digest(mode == "digest"), user(user), password(password)
    {
        soap->connect_timeout = soap->send_timeout = soap->recv_timeout = TIMEOUT;
        soap_register_plugin(soap, http_da);
        if (soap_ssl_client_context(soap, SOAP_SSL_DEFAULT, NULL, NULL, ca, NULL, NULL))
            throw Fault(soap);
    }

    template <class Request, class Response>
    Response call(int (*operation)(struct soap *, const char *, const char *, Request *, Response &),
                  const string &url, Request request)
    {
        Response response;
        if (attempt(operation, url, request, response) && digest && soap->error == 401) {
            http_da_save(soap, &info, soap->authrealm, user.c_str(), password.c_str());
            known = true;
            attempt(operation, url, request, response);
        }
        if (soap->error)
            throw Fault(soap);
        return response;
    }

    struct soap *const soap;

private:
    template <class Operation, class Request, class Response>
    int attempt(Operation operation, const string &url, Request &request, Response &response)
    {
        soap->header = NULL;
        if (digest && known)
            http_da_restore(soap, &info);
        if (!digest) {
            soap_wsse_add_Security(soap);
            soap_wsse_add_Timestamp(soap, "Time", 10);
            soap_wsse_add_UsernameTokenDigest(soap, "User", user.c_str(), password.c_str());
        }
        return operation(soap, url.c_str(), NULL, &request, response);
    }

    const bool digest;
    const string user, password;
    struct http_da_info info;
    bool known = false;
};

string address(Client &client, const string &url, const string &name)
{
    _tds__GetServices request;
    request.IncludeCapability = false;
    for (const tds__Service *service : client.call(soap_call___tds__GetServices, url, request).Service)
        if (service->Namespace == name)
            return service->XAddr;
    throw std::runtime_error("no service " + name);
}

string create_key(Client &client, const string &security)
{
    _tas__CreateRSAKeyPair request;
    string alias = "gSOAP";
    request.KeyLength = "2048";
    request.Alias = &alias;
    return client.call(soap_call___tas__CreateRSAKeyPair, security, request).KeyID;
}

string request(Client &client, const string &url, const strings &)
{
    const string security = address(client, url, SECURITY);
    const string key = create_key(client, security);
    _tas__GetKeyStatus status;
    status.KeyID = key;
    for (int tenths = 0; client.call(soap_call___tas__GetKeyStatus, security, status).KeyStatus != "ok"; ++tenths) {
        if (tenths == 10 * TIMEOUT)
            throw std::runtime_error("the key is still not ready");
        usleep(100'000);
    }
    tas__DistinguishedName subject;
    subject.CommonName = {"camera.test"};
    subject.Organization = {"Müller & Söhne"};
    tas__AlgorithmIdentifier algorithm;
    algorithm.algorithm = SHA256_WITH_RSA;
    _tas__CreatePKCS10CSR create;
    create.Subject = &subject;
    create.KeyID = key;
    create.SignatureAlgorithm = &algorithm;
    const xsd__base64Binary csr = client.call(soap_call___tas__CreatePKCS10CSR, security, create).PKCS10CSR;
    const string encoded = soap_s2base64(client.soap, csr.__ptr, NULL, csr.__size);
    return "{\"key\": " + quoted(key) + ", \"csr\": " + quoted(encoded) + "}";
}

string install(Client &client, const string &url, const strings &arguments)
{
    const string security = address(client, url, SECURITY);
    tas__CertificateIDs ids;
    string key;
    for (auto file = arguments.begin() + 1; file != arguments.end(); ++file) {
        std::ifstream stream(*file, std::ios::binary);
        string content{std::istreambuf_iterator<char>(stream), {}};
        bool has_key = ids.CertificateID.empty();
        _tas__UploadCertificate upload;
        upload.Certificate.__ptr = reinterpret_cast<unsigned char *>(&content[0]);
        upload.Certificate.__size = static_cast<int>(content.size());
        upload.PrivateKeyRequired = &has_key;
        const auto uploaded = client.call(soap_call___tas__UploadCertificate, security, upload);
        if (has_key)
            key = uploaded.KeyID;
        ids.CertificateID.push_back(uploaded.CertificateID);
    }
    _tas__CreateCertificationPath create;
    create.CertificateIDs = &ids;
    const string path = client.call(soap_call___tas__CreateCertificationPath, security, create).CertificationPathID;
    _tas__AddServerCertificateAssignment assign;
    assign.CertificationPathID = path;
    client.call(soap_call___tas__AddServerCertificateAssignment, security, assign);
    strings assigned;
    for (const string &id : client.call(soap_call___tas__GetAssignedServerCertificates, security,
                                        _tas__GetAssignedServerCertificates()).CertificationPathID)
        assigned.push_back(quoted(id));
    tt__NetworkProtocol https;
    https.Name = tt__NetworkProtocolType__HTTPS;
    https.Enabled = true;
    https.Port = {std::stoi(arguments.at(0))};
    _tds__SetNetworkProtocols set;
    set.NetworkProtocols = {&https};
    client.call(soap_call___tds__SetNetworkProtocols, url, set);
    return "{\"key\": " + quoted(key) + ", \"path\": " + quoted(path) + ", \"assigned\": " + listed(assigned) + "}";
}

string status(Client &client, const string &url, const strings &)
{
    _tds__GetServices services;
    services.IncludeCapability = true;
    strings addresses, keys;
    for (const tds__Service *service : client.call(soap_call___tds__GetServices, url, services).Service)
        addresses.push_back(quoted(service->XAddr));
    string protocols;
    for (const tt__NetworkProtocol *protocol : client.call(soap_call___tds__GetNetworkProtocols, url,
                                                           _tds__GetNetworkProtocols()).NetworkProtocols) {
        strings ports;
        for (int port : protocol->Port)
            ports.push_back(std::to_string(port));
        protocols += (protocols.empty() ? "" : ", ")
            + quoted(soap_tt__NetworkProtocolType2s(client.soap, protocol->Name)) + ": "
            + listed({protocol->Enabled ? "true" : "false", listed(ports)});
    }
    const string security = address(client, url, SECURITY);
    for (const tas__KeyAttribute *key : client.call(soap_call___tas__GetAllKeys, security, _tas__GetAllKeys()).KeyAttribute)
        keys.push_back(quoted(key->KeyID));
    client.call(soap_call___tas__GetServiceCapabilities, security, _tas__GetServiceCapabilities());
    client.call(soap_call___tds__GetServiceCapabilities, url, _tds__GetServiceCapabilities());
    return "{\"addresses\": " + listed(addresses) + ", \"protocols\": {" + protocols + "}, \"keys\": " + listed(keys) + "}";
}

string fault(Client &client, const string &url, const strings &)
{
    _tas__GetKeyStatus request;
    request.KeyID = "none";
    try {
        client.call(soap_call___tas__GetKeyStatus, address(client, url, SECURITY), request);
    } catch (const Fault &fault) {
        strings codes;
        for (const string &code : fault.codes)
            codes.push_back(quoted(code));
        return "{\"codes\": " + listed(codes) + ", \"reason\": " + quoted(fault.reason) + "}";
    }
    throw std::runtime_error("no fault");
}

string item(const struct soap_dom_element &message, const char *name)
{
    struct soap_dom_element &element = const_cast<struct soap_dom_element &>(message);
    for (auto found = element.find(NULL, "*:SimpleItem"); found != element.end(); ++found)
        if (string(found->att_get("Name")->get_text()) == name)
            return found->att_get("Value")->get_text();
    throw std::runtime_error(string("no item ") + name);
}

// The statuses of a new key, from a pull point that is renewed and ended.
string hear(Client &client, const string &url, const strings &)
{
    _tev__CreatePullPointSubscription create;
    string time = "PT60S", more = "PT2M";
    create.InitialTerminationTime = &time;
    const auto created = client.call(soap_call___tev__CreatePullPointSubscription, address(client, url, EVENTS), create);
    const string point = created.SubscriptionReference.Address;
    const string key = create_key(client, address(client, url, SECURITY));
    strings heard;
    while (heard.empty() || heard.back() != listed({quoted(key), quoted("ok")})) {
        _tev__PullMessages pull;
        pull.Timeout = "PT30S";
        pull.MessageLimit = 10;
        const auto pulled = client.call(soap_call___tev__PullMessages, point, pull);
        if (pulled.wsnt__NotificationMessage.empty())
            throw std::runtime_error("no event");
        for (const auto *notification : pulled.wsnt__NotificationMessage) {
            const auto &message = notification->Message.__any;
            heard.push_back(listed({quoted(item(message, "KeyID")), quoted(item(message, "NewStatus"))}));
        }
    }
    _wsnt__Renew renew;
    renew.TerminationTime = &more;
    const auto renewed = client.call(soap_call___tev__Renew, point, renew);
    client.call(soap_call___tev__Unsubscribe, point, _wsnt__Unsubscribe());
    return "{\"key\": " + quoted(key) + ", \"heard\": " + listed(heard) + ", \"address\": " + quoted(point)
        + ", \"life\": " + listed({std::to_string(created.wsnt__TerminationTime - created.wsnt__CurrentTime),
                                   std::to_string(renewed.TerminationTime - *renewed.CurrentTime)})
        + "}";
}

} // namespace

int main(int count, char **values)
{
    const strings arguments(values + 1, values + count);
    const string &command = arguments.at(1), &url = arguments.at(2);
    const strings rest(arguments.begin() + 5, arguments.end());
    // Of all commands only `status` has a file of authorities, which verifies a server.
    const char *ca = command == "status" && !rest.empty() ? rest[0].c_str() : NULL;
    try {
        Client client(arguments.at(0), arguments.at(3), arguments.at(4), ca);
        const auto run = command == "request" ? request
            : command == "install"            ? install
            : command == "status"             ? status
            : command == "fault"              ? fault
                                              : hear;
        std::cout << run(client, url, rest) << std::endl;
    } catch (const std::exception &error) {
        std::cerr << error.what() << std::endl;
        return 1;
    }
    return 0;
}
