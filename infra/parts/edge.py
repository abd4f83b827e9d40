"""CloudFront: the one origin that browsers see, HTTP/2 and HTTP/3, with a web ACL in front."""

import json

from aws_cdk import Duration
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.parts.http_api import ORIGIN_HEADER
from infra.stages import Stage
from nft_upgrade.http.pages import API_PATHS, INDEX, PAGES, page_headers

STREAMS = "/api/nft/upgrade/*/events"


class Edge(Construct):
    """`distribution` and `url`."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        api_host: str,
        relay: elb.ApplicationLoadBalancer,
        relay_has_tls: bool,
        pages: s3.IBucket,
        origin_secret: secretsmanager.ISecret,
        web_acl_arn: str,
    ) -> None:
        super().__init__(scope, id)
        self._headers = _security_headers(self)
        relay_origin = origins.VpcOrigin.with_application_load_balancer(
            relay,
            domain_name=stage.relay_domain,
            read_timeout=Duration.seconds(60),
            keepalive_timeout=Duration.seconds(60),
            protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY
            if relay_has_tls
            else cloudfront.OriginProtocolPolicy.HTTP_ONLY,
        )
        api_origin = origins.HttpOrigin(
            api_host,
            protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
            origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2],
            # Resolved by CloudFormation; the template holds a reference only.
            custom_headers={ORIGIN_HEADER: origin_secret.secret_value.unsafe_unwrap()},
        )
        self.distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=stage.full_name,
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021
            if stage.certificate_arn
            else None,
            price_class=cloudfront.PriceClass.PRICE_CLASS_ALL,
            domain_names=[stage.domain] if stage.domain else None,
            certificate=acm.Certificate.from_certificate_arn(
                self, "Certificate", stage.certificate_arn
            )
            if stage.certificate_arn
            else None,
            web_acl_id=web_acl_arn,
            default_behavior=self._pages_behavior(pages),
            # The first pattern that fits decides.
            additional_behaviors={
                STREAMS: self._behavior(relay_origin, is_stream=True),
                **{f"{path}*": self._behavior(api_origin) for path in API_PATHS},
            },
        )
        self.url = f"https://{stage.domain or self.distribution.domain_name}"

    def _behavior(
        self, origin: cloudfront.IOrigin, *, is_stream: bool = False
    ) -> cloudfront.BehaviorOptions:
        """Nothing is cached. A stream is never compressed: that would hold its events back."""
        return cloudfront.BehaviorOptions(
            origin=origin,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            compress=not is_stream,
            origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
            response_headers_policy=self._headers,
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
        )

    def _pages_behavior(self, pages: s3.IBucket) -> cloudfront.BehaviorOptions:
        """Files say themselves that they are to be asked for again (`CACHE_CONTROL`)."""
        return cloudfront.BehaviorOptions(
            # With the right to list, a file that is not there is a 404 and not a 403.
            origin=origins.S3BucketOrigin.with_origin_access_control(
                pages,
                origin_access_levels=[cloudfront.AccessLevel.READ, cloudfront.AccessLevel.LIST],
            ),
            allowed_methods=cloudfront.AllowedMethods.ALLOW_GET_HEAD,
            cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,
            compress=True,
            function_associations=[
                cloudfront.FunctionAssociation(
                    event_type=cloudfront.FunctionEventType.VIEWER_REQUEST,
                    function=cloudfront.Function(
                        self,
                        "Index",
                        code=cloudfront.FunctionCode.from_inline(index_code()),
                        runtime=cloudfront.FunctionRuntime.JS_2_0,
                    ),
                )
            ],
            response_headers_policy=_page_headers(self),
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        )


def index_code() -> str:
    """A folder's page, which a bucket does not know of; see `pages.file_of` and `needs_slash`."""
    folders = json.dumps([f"/{name}" for name in PAGES if name])
    return (
        "function handler(event) {\n"
        "  var request = event.request, uri = request.uri;\n"
        f"  if ({folders}.indexOf(uri) >= 0) {{\n"
        "    var headers = { location: { value: uri + '/' } };\n"
        "    return { statusCode: 301, statusDescription: 'Moved', headers: headers };\n"
        "  }\n"
        f"  if (uri.endsWith('/')) request.uri = uri + '{INDEX}';\n"
        "  return request;\n"
        "}\n"
    )


def _page_headers(scope: Construct) -> cloudfront.ResponseHeadersPolicy:
    """The very headers that the gateway on one machine sends, and HSTS."""
    headers = page_headers()
    policy = headers.pop("content-security-policy")
    secured = cloudfront.ResponseSecurityHeadersBehavior(
        content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
            content_security_policy=policy, override=True
        ),
        content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
        frame_options=cloudfront.ResponseHeadersFrameOptions(
            frame_option=cloudfront.HeadersFrameOption.DENY, override=True
        ),
        referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
            referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
        ),
        strict_transport_security=_hsts(),
    )
    known = ("x-content-type-options", "x-frame-options", "referrer-policy")
    others = [
        cloudfront.ResponseCustomHeader(header=name, value=value, override=True)
        for name, value in headers.items()
        if name not in known
    ]
    return cloudfront.ResponseHeadersPolicy(
        scope,
        "PageHeaders",
        security_headers_behavior=secured,
        custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(custom_headers=others),
    )


def _hsts() -> cloudfront.ResponseHeadersStrictTransportSecurity:
    return cloudfront.ResponseHeadersStrictTransportSecurity(
        access_control_max_age=Duration.days(365), include_subdomains=True, override=True
    )


def _security_headers(scope: Construct) -> cloudfront.ResponseHeadersPolicy:
    headers = cloudfront.ResponseSecurityHeadersBehavior(
        content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
        frame_options=cloudfront.ResponseHeadersFrameOptions(
            frame_option=cloudfront.HeadersFrameOption.DENY, override=True
        ),
        referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
            referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
        ),
        strict_transport_security=_hsts(),
        content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
            content_security_policy="frame-ancestors 'none'; base-uri 'none'; object-src 'none'",
            # What the page itself says is stricter.
            override=False,
        ),
    )
    return cloudfront.ResponseHeadersPolicy(
        scope, "SecurityHeaders", security_headers_behavior=headers
    )
