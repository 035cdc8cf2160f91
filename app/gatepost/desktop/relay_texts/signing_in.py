"""Signing in at next hops by token, at providers of tokens and at SmarterMail."""

from __future__ import annotations

from ..i18n import mark

TEXTS = (
    # the sign-in at the next hop, by token
    mark("It is tried again by itself."),
    mark("The doctor on the Authentication card checks each step."),
    mark("SMTP AUTH is switched off for the whole organization: switch it on for this mailbox."),
    mark(
        "In the Microsoft 365 admin center, under the user → Mail → Manage email apps, tick “Authenticated SMTP”; "
        "it counts after some minutes. In PowerShell: {line}"
    ),
    mark("SMTP AUTH is switched off for the mailbox {name}: switch it on."),
    mark("The organization's security defaults block SMTP AUTH: have the administrator allow it."),
    mark("In the Entra admin center → Properties → Security defaults; a Conditional Access policy can take their place."),
    mark("Microsoft's policies do not let this mailbox sign in by SMTP: switch Authenticated SMTP on."),
    mark("The server cannot check the sign-in just now."),
    mark("Microsoft 365 does not let the application send as {name}: give it the mailbox."),
    mark("Microsoft 365 does not accept the sign-in for {name}: check the mailbox, or sign in again."),
    mark("Google does not accept the sign-in for {name}: check the mailbox, or sign in again."),
    mark("The server does not accept the sign-in for {name}: check the mailbox, or sign in again."),
    mark(
        "In Exchange Online PowerShell: New-ServicePrincipal with the application's id and the object id under "
        "Enterprise applications, then Add-MailboxPermission … -AccessRights FullAccess. The application needs "
        "SMTP.SendAsApp with admin consent."
    ),
    mark("Who signed in must own the mailbox, or have Full Access to it. {rest}"),
    mark("The user name must be the mailbox that the sign-in was made for. {rest}"),
    mark("The token is used no more: connecting again with a new one."),
    # the provider of tokens
    mark("{where} did not answer in time."),
    mark("Nothing came within {n} seconds."),
    mark("Check that this computer reaches it; a proxy or firewall may be in between."),
    mark("{where} redirects to another address: check the token URL."),
    mark("Secrets are not sent there."),
    mark("Type the final address."),
    mark("{where} has a problem just now."),
    mark("{where} is no OAuth 2.0 token endpoint: check the token URL."),
    mark("It answered something that is no JSON object, with HTTP status {n}."),
    mark("The certificate of {where} is not trusted."),
    mark("A proxy that opens TLS may be in between; add its authority to this computer's trust store."),
    mark("{where} cannot be reached."),
    mark("Check this computer's network connection and name server."),
    mark("The connection to {where} broke."),
    mark("The answer of {where} is larger than any token: check the token URL."),
    mark("Reading stopped after {n} octets."),
    mark("The provider cannot answer just now."),
    mark("The provider has a problem just now."),
    mark("The provider answered with HTTP status {n}."),
    mark("It is asked again later."),
    mark("It answered with HTTP status {n}."),
    mark("The provider gave no token."),
    mark("Look the message up at the provider."),
    mark("The provider's answer holds no usable token."),
    mark("The provider hands out another kind of token than “Bearer”."),
    mark("The provider gave no refresh token, so nothing would last longer than an hour."),
    mark("The scope must ask for it (“offline_access”), and the client must be allowed to have it."),
    mark("The OAuth settings are not complete: {detail}."),
    # the doctor
    mark("Something is missing: {detail}."),
    mark("Complete the Authentication card."),
    mark("By the date that was entered, the client secret ended on {day}."),
    mark("Make a new client secret at the provider and enter it with its date."),
    mark("Check the server address on the Options card."),
    mark("Everything that is needed is there."),
    mark("The token is for {name}, but the gateway's server is {host}."),
    mark("{where} answers, but not as a token endpoint does."),
    mark("Check the token URL."),
    mark("A token was handed out; it is good until {time}."),
    mark("It shows nothing of itself, which is usual but for Microsoft's."),
    mark("It comes from another directory: {directory}, not {tenant}."),
    mark("Who signed in belongs to another tenant than the settings name."),
    mark("What it allows shows only when it is used."),
    mark("The token is for {name}, not for Exchange Online."),
    mark("Leave the scope empty; a scope of Microsoft Graph does not open SMTP."),
    mark("It lacks {wanted}; it has {ways}."),
    mark("It has {wanted}, but {name} signed in and mail is sent as {mailbox}."),
    mark("That works only if {name} has Full Access to the mailbox {mailbox}."),
    mark("It does not allow mail; it allows {ways}."),
    mark("Leave the scope empty and sign in again; the mailbox's box must be ticked when Google asks."),
    mark("It allows sending mail by SMTP."),
    mark("The server offers {ways}."),
    mark("The server offers only {ways}."),
    mark("Check server and port: Microsoft 365 offers it at smtp.office365.com port 587, Google at smtp.gmail.com port 587."),
    # why there is no token
    mark("Sign in again on the gateway's Authentication card (or “gatepost gateway sign-in”); until then its mail waits."),
    mark("Microsoft does not accept the client secret: enter its value anew."),
    mark("The client secret has expired: make a new one and enter it."),
    mark("Microsoft wants a client secret, or the application to be a public client."),
    mark("The application is a public client, which has no secret: remove the client secret."),
    mark("Remove the client secret on the gateway's Authentication card."),
    mark("Microsoft does not know this application in this directory: check client id and tenant."),
    mark("Microsoft does not know this tenant: check it."),
    mark("The tenant is not a directory's id or domain: check it."),
    mark("The application does not list this redirect address: add http://localhost to it."),
    mark("The application has no consent to send mail: sign in again and agree, or have an administrator grant it."),
    mark("The consent was declined: sign in again and agree."),
    mark("Only an administrator may agree to this application: have one grant consent."),
    mark("Microsoft does not know the scope that is asked for: leave the field empty."),
    mark("An application's scope must end in /.default: leave the field empty."),
    mark("Microsoft does not know this user in this directory: check user and tenant."),
    mark("The user account is disabled: enable it, then sign in again."),
    mark("The directory asks for another factor (MFA): sign in again and confirm it."),
    mark("The user must set up another factor (MFA): sign in again and set it up."),
    mark("The other factor (MFA) has to be confirmed anew: sign in again."),
    mark("The directory asks for something more at the sign-in: sign in again."),
    mark("A Conditional Access policy blocks the sign-in: have the administrator allow it."),
    mark("In the Entra admin center, under Sign-in logs, see which policy it was; allow this application or this address."),
    mark("The sign-in was revoked, most likely by a changed password: sign in again."),
    mark("The session was ended, most likely by a changed password: sign in again."),
    mark("The sign-in has expired: sign in again."),
    mark("The directory's policy has ended the sign-in: sign in again."),
    mark("The sign-in has expired because it was not used: sign in again."),
    mark("The redirect address is registered as a single-page app, whose sign-ins end after a day."),
    mark("The user is not assigned to the application: assign it."),
    mark("In the Entra admin center, under Enterprise applications → Users and groups."),
    mark("The sign-in was revoked or has expired (a withdrawn consent, a changed password, a long rest): sign in again."),
    mark(
        "The sign-in was revoked or has expired (a withdrawn consent, a changed password, a client in testing): sign in again."
    ),
    mark("The sign-in was revoked or has expired: sign in again."),
    mark("Google ends sign-ins after 7 days while the client's publishing status is “Testing”."),
    mark("The provider wants to see a person: sign in again."),
    mark("The application has no consent: sign in again and agree."),
    mark("The provider does not accept the client id or secret: enter them anew."),
    mark("Copy both from the same registration; a deleted or expired secret needs a new one."),
    mark("The client was deleted at the provider: register a new one."),
    mark("Enter the new client id and secret."),
    mark("The provider does not allow this application to ask for this."),
    mark("Check which sign-ins and permissions its registration allows."),
    mark("The provider does not know this kind of sign-in: try the other."),
    mark("The provider does not know the scope that is asked for: check it."),
    mark("The sign-in was declined in the browser: sign in again and agree."),
    mark("The client does not allow this redirect address."),
    mark("Register the client as a desktop application, whose redirects to this computer are allowed."),
    mark("Google has not delegated this mailbox to the service account: allow it in the Admin console."),
    mark(
        "Admin console → Security → API controls → Domain-wide delegation: add the service account's client id "
        "with the scope https://mail.google.com/. It can take some minutes to count."
    ),
    mark("A policy of the Google Workspace blocks this client: have its administrator trust it."),
    mark("Google does not accept the service account's assertion: check the key, the mailbox and this computer's clock."),
    mark("The key may have been deleted, the mailbox may not exist, or the clock may be wrong by more than some minutes."),
    mark("Nobody has signed in for this gateway yet: sign in."),
    mark("The sign-in was made for another client, provider or mailbox: sign in again."),
    mark("It is not sent to where the settings point now."),
    mark("There is no stored client secret for this gateway: enter it."),
    mark("There is no stored service account's key for this gateway: enter it."),
    mark("Enter it on the gateway's Authentication card."),
    mark("The service account's key cannot be read: enter the whole JSON file."),
    mark("It must hold client_email and private_key."),
    mark("Google Cloud console → IAM → Service accounts → Keys: make a new key of type JSON, and enter its content."),
    mark("This sign-in is not known (any more): begin again."),
    mark("It was begun too long ago, was used already, or the relay was restarted meanwhile."),
    mark("There is no gateway “{name}”."),
    mark("This gateway does not sign in by OAuth 2.0."),
    mark("Choose it on its Authentication card."),
    mark("The relay names no address for a browser."),
    mark("It names “{where}”."),
    # sign-ins that last
    mark("{label} has no client secret."),
    mark("It cannot sign in; its mail waits."),
    mark("Sign in on the gateway's Authentication card, or by “gatepost gateway sign-in”."),
    mark("{label} is not signed in."),
    mark("Its mail waits until somebody signs in."),
    mark("{label} cannot renew its sign-in."),
    mark("The client secret of {label} ends on {day}."),
    mark("The client secret of {label} ended on {day}."),
    mark("From then on the gateway cannot sign in, and its mail waits."),
    mark("If that is so, the gateway cannot sign in, and its mail waits."),
    mark("Make a new client secret at the provider, and enter it with its date on the Authentication card."),
    mark("The sign-in of {label} ends on {day}."),
    mark("From then on its mail waits."),
    mark("Sign in again before, on the gateway's Authentication card."),
    # SmarterMail
    mark("The SmarterMail server is too slow."),
    mark("Its domains and users were not told within {n} seconds."),
    mark("No password is stored for the SmarterMail server."),
    mark("Store the system administrator's password: {line}"),
    mark("The SmarterMail URL must begin with http:// or https://."),
    mark("The SmarterMail server did not answer in time."),
    mark("No complete answer from {where} within {n} seconds."),
    mark("Check the URL and that the webmail opens in a browser."),
    mark("The SmarterMail server's certificate is not trusted."),
    mark("Install a certificate that matches the name in the URL, or add its issuer to this computer's trust store."),
    mark("The SmarterMail server cannot be reached."),
    mark("Check the URL, its port, and the firewall between here and there."),
    mark("The connection to the SmarterMail server broke."),
    mark("The SmarterMail URL redirects in a circle."),
    mark("The SmarterMail URL leads to another address."),
    mark("{where} redirects to {host}. The administrator's password is not sent there."),
    mark("If that is the right server, type its address as the URL."),
    mark("The answer is larger than any SmarterMail answer should be."),
    mark("Check that the URL is the SmarterMail webmail's."),
    mark("The answer is not SmarterMail's."),
    mark("Type the address of the webmail without a page, such as https://mail.example.com."),
    mark("This SmarterMail login asks for a second factor."),
    mark("Gatepost cannot answer it."),
    mark("Use a system administrator's login without two-step authentication, limited to this computer's address."),
    mark("SmarterMail refused the login."),
    mark(
        "Type the system administrator's username and password again. Gatepost does not try again by itself, "
        "because repeated failures get this computer's address blocked."
    ),
    mark("Type the system administrator's username and password again."),
    mark("This SmarterMail login is not a system administrator's."),
    mark("“{name}” cannot list the domains."),
    mark("Use a system administrator's login."),
    mark("SmarterMail gave no access to the domain {domain}."),
    mark("No impersonation token was sent."),
    mark("SmarterMail's answer lacks what was asked for."),
    mark("It holds no “{name}”."),
    mark("Its version may be one that Gatepost does not know."),
    mark("SmarterMail sent no spool counts."),
    mark("SmarterMail sent no spool count."),
    mark("SmarterMail does not accept the access token any more."),
    mark("SmarterMail refused the request."),
    mark("SmarterMail gave no access token."),
    mark("It said “{reply}” ({detail})."),
    mark("{where} answers."),
    mark("It says: {detail}."),
    mark("It has {wanted}."),
    mark(
        "In the Entra admin center, under App registrations → API permissions, add {wanted} of Office 365 "
        "Exchange Online and grant admin consent."
    ),
    mark(
        "In the Entra admin center, under App registrations → API permissions, add {wanted} of Office 365 "
        "Exchange Online and grant admin consent; then sign in again."
    ),
    mark(
        "In the Entra admin center, under App registrations → API permissions, add {wanted} of Office 365 "
        "Exchange Online as an application permission and grant admin consent."
    ),
    mark(
        "In the Entra admin center, under App registrations → API permissions, add {wanted} of Office 365 "
        "Exchange Online as an application permission and grant admin consent; then sign in again."
    ),
    mark("{where} answered an HTML page with HTTP status {n}."),
    mark("{where} answered something else with HTTP status {n}."),
    mark(
        "In the Entra admin center, under App registrations → Certificates & secrets, copy the secret's Value, "
        "not its Secret ID; make a new one if it is hidden."
    ),
    mark(
        "In the Entra admin center, under App registrations → Certificates & secrets, make a new client secret "
        "(24 months at most), and enter its value here."
    ),
    mark(
        "In the Entra admin center, under App registrations → Authentication, allow public client flows, or enter "
        "a client secret here."
    ),
    mark(
        "In the Entra admin center, under App registrations, copy the Application (client) ID and the Directory "
        "(tenant) ID of the same registration."
    ),
    mark("In the Entra admin center, under App registrations, copy the Directory (tenant) ID from the application's overview."),
    mark("In the Entra admin center, under App registrations, copy the Directory (tenant) ID."),
    mark(
        "In the Entra admin center, under App registrations → Authentication, add the platform “Mobile and "
        "desktop applications” with http://localhost."
    ),
    mark(
        "In the Entra admin center, under App registrations → API permissions, add SMTP.Send of Office 365 "
        "Exchange Online and grant admin consent."
    ),
    mark("In the Entra admin center, under App registrations → API permissions, choose “Grant admin consent”."),
    mark(
        "In the Entra admin center, under App registrations → Authentication, register http://localhost as "
        "“Mobile and desktop applications”, and sign in again."
    ),
)
